import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import type { Digest, PlacesCompared } from '@headgate/domain';
import { z } from 'zod';

const Stored = z.record(
  z.string(),
  z.object({
    declared: z.string(),
    last: z
      .object({ at: z.int(), tookMs: z.int(), versions: z.array(z.string()), found: z.record(z.string(), z.unknown()) })
      .exactOptional(),
    left: z.object({ at: z.int(), versions: z.array(z.string()) }).exactOptional(),
  }),
);

/** What is known of one move. Moments are of this machine's clock. */
export interface KeptMove {
  readonly declared: Digest;
  readonly last?: {
    readonly at: number;
    readonly tookMs: number;
    readonly versions: readonly string[];
    /** Counts and sums. No keys: they are customers' data. */
    readonly found: PlacesCompared;
  };
  readonly left?: { readonly at: number; readonly versions: readonly string[] };
}

/** What came of the last comparison of each move, over restarts: what ran when, and what has run since. */
export class MovedFile {
  readonly #path: string;
  #kept: Readonly<Record<string, KeptMove>>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, kept: Readonly<Record<string, KeptMove>>) {
    this.#path = path;
    this.#kept = kept;
  }

  static async open(dataDir: string): Promise<MovedFile> {
    const path = join(dataDir, 'moved-data.json');
    const text = await readIfThere(path);
    const kept = text === undefined ? {} : (Stored.parse(JSON.parse(text)) as unknown as Record<string, KeptMove>);
    return new MovedFile(path, kept);
  }

  /** Undefined also where it was another declaration that was compared by. */
  of(cell: string, name: string, declared: Digest): KeptMove | undefined {
    const key = `${cell}/${name}`;
    const kept = Object.hasOwn(this.#kept, key) ? this.#kept[key] : undefined;
    return kept?.declared === declared ? kept : undefined;
  }

  keep(cell: string, name: string, kept: KeptMove): Promise<void> {
    this.#kept = { ...this.#kept, [`${cell}/${name}`]: kept };
    const text = `${JSON.stringify(this.#kept, undefined, 2)}\n`;
    this.#writing = this.#writing.catch(() => {}).then(() => writeDurably(this.#path, text, 0o600));
    return this.#writing;
  }
}
