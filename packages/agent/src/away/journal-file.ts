import { type FileHandle, open, readFile, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '@headgate/adapters/machine/durable-file';
import { evolve, foldJournal, type JournalEntry, type Undoing } from './journal.ts';

/** Omits over a union, member by member. */
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/**
 * `undone.jsonl`: a line an entry, on the disk before what it announces is done. What a kill left of a last line is cut
 * off: it announced nothing that was done.
 */
export class JournalFile {
  readonly #file: FileHandle;
  readonly #now: () => Date;
  readonly #all: Map<string, Undoing>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle, now: () => Date, all: ReadonlyMap<string, Undoing>) {
    this.#file = file;
    this.#now = now;
    this.#all = new Map(all);
  }

  static async open(dataDir: string, now: () => Date = () => new Date()): Promise<JournalFile> {
    const path = join(dataDir, 'undone.jsonl');
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const whole = bytes.lastIndexOf(0x0a) + 1;
    if (whole < bytes.length) await truncate(path, whole);
    const lines = bytes.subarray(0, whole).toString('utf8').split('\n').filter(Boolean);
    const entries = lines.map((line) => JSON.parse(line) as JournalEntry);
    const file = await open(path, 'a', 0o600);
    await syncFolder(dirname(path));
    return new JournalFile(file, now, foldJournal(entries));
  }

  get all(): ReadonlyMap<string, Undoing> {
    return this.#all;
  }

  /** Writes an entry down, fsync included, and answers what it makes of its undoing. */
  note(entry: Without<JournalEntry, 'at'>): Promise<Undoing> {
    const next = this.#turn.then(() => this.#append(entry));
    this.#turn = next.catch(() => {});
    return next;
  }

  async #append(entry: Without<JournalEntry, 'at'>): Promise<Undoing> {
    const dated = { at: this.#now().toISOString(), ...entry } as JournalEntry;
    await this.#file.writeFile(`${JSON.stringify(dated)}\n`);
    await this.#file.datasync();
    const next = evolve(this.#all.get(dated.id), dated);
    if (next === undefined) throw new Error(`nothing was begun under ${dated.id}`);
    this.#all.set(dated.id, next);
    return next;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }
}
