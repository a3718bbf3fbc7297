import { join } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import { z } from 'zod';

const attempts = { failures: z.int().min(0), triedAt: z.int().exactOptional(), why: z.string().exactOptional() };
const Stored = z.record(
  z.string(),
  z.strictObject({
    points: z.strictObject(attempts),
    drills: z.strictObject({
      ...attempts,
      /** When one last went well. */
      lastAt: z.int().exactOptional(),
      /** What the last one came to, in words. */
      words: z.string().exactOptional(),
    }),
    /** The last drill's signed statement, until the server has it. */
    untold: z.record(z.string(), z.unknown()).exactOptional(),
  }),
);

/** How a store's scheduled work went. */
export type StoreRecord = Readonly<z.output<typeof Stored>[string]>;

const NOTHING: StoreRecord = { points: { failures: 0 }, drills: { failures: 0 } };

/** By `cell/store`, on disk: an agent that is started again neither drills at once nor forgets that it failed. */
export class ScheduleFile {
  readonly #path: string;
  #stores: Readonly<Record<string, StoreRecord>>;

  private constructor(path: string, stores: Readonly<Record<string, StoreRecord>>) {
    this.#path = path;
    this.#stores = stores;
  }

  static async open(dataDir: string): Promise<ScheduleFile> {
    const path = join(dataDir, 'schedule.json');
    const text = await readIfThere(path);
    return new ScheduleFile(path, text === undefined ? {} : Stored.parse(JSON.parse(text)));
  }

  of(cell: string, store: string): StoreRecord {
    const name = `${cell}/${store}`;
    return Object.hasOwn(this.#stores, name) ? this.#stores[name]! : NOTHING;
  }

  /** One after the other: whoever writes is the one loop of the schedule. */
  async put(cell: string, store: string, record: StoreRecord): Promise<void> {
    const stores = { ...this.#stores, [`${cell}/${store}`]: record };
    await writeDurably(this.#path, `${JSON.stringify(stores)}\n`, 0o600);
    this.#stores = stores;
  }
}
