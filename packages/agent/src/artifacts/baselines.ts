import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { digest } from '@headgate/contract/schemas/common';
import type { Digest, ReleaseRef } from '@headgate/domain';
import { z } from 'zod';

const Stored = z.record(
  z.string(),
  z.strictObject({ firstSeen: z.iso.datetime(), releases: z.array(z.strictObject({ digest, version: z.string() })) }),
);

/**
 * Releases that this agent saw running at its first look at a cell: the only unsigned ones that may be gone back to.
 * Written from its own observation alone; what the server says was adopted counts for nothing. Later looks add nothing,
 * or whoever plants a process would plant a baseline.
 */
export class Baselines {
  readonly #path: string;
  #cells: Readonly<z.output<typeof Stored>>;

  private constructor(path: string, cells: z.output<typeof Stored>) {
    this.#path = path;
    this.#cells = cells;
  }

  static async open(dataDir: string): Promise<Baselines> {
    const path = join(dataDir, 'baselines.json');
    const text = await readIfThere(path);
    return new Baselines(path, text === undefined ? {} : Stored.parse(JSON.parse(text)));
  }

  has(release: Digest): boolean {
    return Object.values(this.#cells).some((cell) => cell.releases.some((r) => r.digest === release));
  }

  /** Keeps what runs in a cell, if this is the first look at it. */
  async record(cell: string, running: readonly ReleaseRef[], at: Date): Promise<void> {
    if (Object.hasOwn(this.#cells, cell)) return;
    const releases = running.map((ref) => ({ digest: ref.digest, version: ref.version }));
    const cells = { ...this.#cells, [cell]: { firstSeen: at.toISOString(), releases } };
    await writeDurably(this.#path, `${JSON.stringify(cells, null, 2)}\n`, 0o600);
    this.#cells = cells;
  }
}
