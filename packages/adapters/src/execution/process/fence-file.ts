import { join } from 'node:path';
import { admits, compareFences, type Fence } from '@headgate/domain/protocol/fence';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';

const Stored = z.strictObject({ epoch: z.int().min(0), n: z.int().min(0) });

/**
 * The highest fence that was seen in a cell's folder. Only the holder of the cell (see cell-hold.ts) raises it, so a
 * queue in this process is all the locking that it needs.
 */
export class FenceFile {
  readonly path: string;
  private last: Promise<unknown> = Promise.resolve();

  constructor(cellDir: string) {
    this.path = join(cellDir, 'fence.json');
  }

  async read(): Promise<Fence | undefined> {
    const text = await readIfThere(this.path);
    return text === undefined ? undefined : Stored.parse(JSON.parse(text));
  }

  /** Admits the same fence or a higher one, and remembers it durably before it says so. */
  raise(fence: Fence): Promise<boolean> {
    const next = this.last.then(async () => {
      const held = await this.read();
      if (!admits(held, fence)) return false;
      if (held === undefined || compareFences(held, fence) !== 0) {
        await writeDurably(this.path, `${JSON.stringify({ epoch: fence.epoch, n: fence.n })}\n`, 0o600);
      }
      return true;
    });
    this.last = next.catch(() => {});
    return next;
  }
}
