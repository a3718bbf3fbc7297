import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { assignment as wire } from '@headgate/contract/schemas/assignment';
import { z } from 'zod';
import { type Assignment, assignmentOf } from '../control-plane/assignment.ts';

/** What the last assignment of a cell was about: all that an undo of the agent's own is made from, beside the plan. */
export interface Standing {
  readonly last: Omit<Assignment, 'action' | 'lifetimeMs' | 'stepMs' | 'idempotencyKey'>;
  /** The agent answered for it, and the server took the answer. */
  readonly answered: boolean;
}

const Stored = z.record(
  z.string(),
  z.strictObject({
    last: wire.omit({ action: true, lifetimeMs: true, stepMs: true, idempotencyKey: true }),
    answered: z.boolean(),
  }),
);

/** By cell, on disk before anything is done for the assignment: whoever is killed knows what they were at. */
export class StandingFile {
  readonly #path: string;
  #cells: Readonly<Record<string, Standing>>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, cells: Readonly<Record<string, Standing>>) {
    this.#path = path;
    this.#cells = cells;
  }

  static async open(dataDir: string): Promise<StandingFile> {
    const path = join(dataDir, 'standing.json');
    const text = await readIfThere(path);
    const stored = text === undefined ? {} : Stored.parse(JSON.parse(text));
    const cells = Object.entries(stored).map(([cell, { last, answered }]): [string, Standing] => [
      cell,
      { last: assignmentOf(last as never), answered },
    ]);
    return new StandingFile(path, Object.fromEntries(cells));
  }

  of(cell: string): Standing | undefined {
    return Object.hasOwn(this.#cells, cell) ? this.#cells[cell] : undefined;
  }

  /** An assignment is about to be carried out. */
  begins({ action: _1, lifetimeMs: _2, stepMs: _3, idempotencyKey: _4, ...last }: Assignment): Promise<void> {
    return this.#put(last.cell, () => ({ last, answered: false }));
  }

  /** The server took the answer for an assignment that was done. */
  answered({ cell, rollout, fence }: Assignment): Promise<void> {
    return this.#put(cell, (standing) =>
      standing?.last.rollout === rollout && standing.last.fence.n === fence.n
        ? { ...standing, answered: true }
        : undefined,
    );
  }

  #put(cell: string, change: (standing: Standing | undefined) => Standing | undefined): Promise<void> {
    const next = this.#turn.then(async () => {
      const standing = change(this.of(cell));
      if (standing === undefined) return;
      const cells = { ...this.#cells, [cell]: standing };
      await writeDurably(this.#path, `${JSON.stringify(cells)}\n`, 0o600);
      this.#cells = cells;
    });
    this.#turn = next.catch(() => {});
    return next;
  }
}
