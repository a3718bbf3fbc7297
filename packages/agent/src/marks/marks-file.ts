import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { digest } from '@headgate/contract/schemas/common';
import type { Fence } from '@headgate/domain/protocol/fence';
import { z } from 'zod';
import { type BegunPlan, type Marks, NO_MARKS, staleness, taken } from './marks.ts';

const count = z.int().min(0);
const Stored = z.strictObject({
  epoch: count,
  cells: z.record(z.string(), z.strictObject({ epoch: count, n: count })),
  plans: z
    .record(
      z.string(),
      z.array(
        z.strictObject({
          plan: digest,
          begun: count,
          undone: z.literal(true).exactOptional(),
          undoing: z.string().exactOptional(),
        }),
      ),
    )
    .default({}),
});

/** The marks on disk. A token is taken only once the file says so, fsync included: a kill in between costs a retry, never a replay. */
export class MarksFile {
  readonly #path: string;
  #marks: Marks;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, marks: Marks) {
    this.#path = path;
    this.#marks = marks;
  }

  /** Opens the file, or begins one. A file that can't be read throws: without marks nothing may be acted on. */
  static async open(dataDir: string): Promise<MarksFile> {
    const path = join(dataDir, 'high-water.json');
    const text = await readIfThere(path);
    return new MarksFile(path, text === undefined ? NO_MARKS : Stored.parse(JSON.parse(text)));
  }

  get marks(): Marks {
    return this.#marks;
  }

  /** Takes a token durably, and with it how far a plan is taken, or that it is taken back; false when it is stale by now. */
  take(cell: string, token: Fence, step: BegunPlan): Promise<boolean> {
    const next = this.#turn.then(async () => {
      if (staleness(this.#marks, cell, token) !== undefined) return false;
      const marks = taken(this.#marks, cell, token, step);
      await writeDurably(this.#path, `${JSON.stringify(marks)}\n`, 0o600);
      this.#marks = marks;
      return true;
    });
    this.#turn = next.catch(() => {});
    return next;
  }
}
