/** How far a store's way back in place has come, on the agent's disk before each part of it: whoever calls it again goes on there. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import type { Digest } from '@headgate/domain';
import { z } from 'zod';

/**
 * `held`: tenants are held, or are being held; nothing else was done. `pointed`: a restore point of what stands is there, and the
 * store is being replaced. `placed`: the store of then stands in its place, and is checked. `leaving`: what stood before comes back.
 * `opening`: it ended with a result, and its tenants are being opened, so they may have written since: nothing is replaced any more.
 */
const Stored = z.strictObject({
  proposal: z.string(),
  phase: z.enum(['held', 'pointed', 'placed', 'leaving', 'opening']),
  by: z.string(),
  approval: z.strictObject({ by: z.string(), digest: z.string() }),
  startedAt: z.int(),
  /** Those that somebody else held before: they aren't opened. */
  heldBefore: z.array(z.string()),
  /** The restore point of what stood before. */
  point: z.string().exactOptional(),
  /** Why it goes back. */
  why: z.string().exactOptional(),
  /** What it came to, and when, once its tenants are being opened. */
  ended: z.strictObject({ result: z.enum(['done', 'taken-back']), at: z.int() }).exactOptional(),
});

export type StandingPlace = Readonly<z.output<typeof Stored>> & { readonly proposal: Digest };

export class StandingFile {
  readonly #path: string;

  constructor(dataDir: string, cell: string, store: string) {
    this.#path = join(dataDir, 'store-recoveries', `${cell}.${store}.json`);
  }

  /** Undefined: nothing is under way. */
  async read(): Promise<StandingPlace | undefined> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return undefined;
    const parsed = Stored.safeParse(JSON.parse(text));
    if (!parsed.success)
      throw new Error(`${this.#path} isn't what this command writes: a store may be half way back; look at it first`);
    return parsed.data as StandingPlace;
  }

  async write(standing: StandingPlace): Promise<StandingPlace> {
    await mkdir(join(this.#path, '..'), { recursive: true, mode: 0o700 });
    await writeDurably(this.#path, `${JSON.stringify(standing)}\n`, 0o600);
    return standing;
  }

  async end(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
