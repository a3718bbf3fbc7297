import { type FileHandle, open, readFile, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '@headgate/adapters/machine/durable-file';
import { evolve, foldJournal, type JournalEntry, type Undoing } from './journal.ts';

/** Omits over a union, member by member. */
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/**
 * `undone.jsonl`: a line an entry, on the disk before what it announces is done. What a kill or a full disk left of a last
 * line is cut off: it announced nothing that was done, and a line written behind it could never be read.
 */
export class JournalFile {
  readonly #file: FileHandle;
  readonly #now: () => Date;
  readonly #all: Map<string, Undoing>;
  /** Up to here every line is whole and on the disk. Bytes. */
  #soundBytes: number;
  /** An append failed: behind the sound bytes may stand half a line. */
  #torn = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle, now: () => Date, all: ReadonlyMap<string, Undoing>, soundBytes: number) {
    this.#file = file;
    this.#soundBytes = soundBytes;
    this.#now = now;
    this.#all = new Map(all);
  }

  /** Opens the file, or begins one. A line in its middle that can't be read throws: it says what the agent did. */
  static async open(dataDir: string, now: () => Date = () => new Date()): Promise<JournalFile> {
    const path = join(dataDir, 'undone.jsonl');
    const { all, soundBytes, bytes } = await wholeLines(path);
    if (soundBytes < bytes) await truncate(path, soundBytes);
    const file = await open(path, 'a', 0o600);
    await syncFolder(dirname(path));
    return new JournalFile(file, now, all, soundBytes);
  }

  /** What it says now, and nothing is made or cut off: its agent may be writing the next line. Throws as {@link open} does. */
  static async read(dataDir: string): Promise<ReadonlyMap<string, Undoing>> {
    return (await wholeLines(join(dataDir, 'undone.jsonl'))).all;
  }

  get all(): ReadonlyMap<string, Undoing> {
    return this.#all;
  }

  /**
   * Writes an entry down, fsync included, and answers what it makes of its undoing. Throws when it can't be written, and
   * then nothing of it counts; as long as what such a failure left can't be cut off, every further entry is refused.
   */
  note(entry: Without<JournalEntry, 'at'>): Promise<Undoing> {
    const next = this.#turn.then(() => this.#append(entry));
    this.#turn = next.catch(() => {});
    return next;
  }

  async #append(entry: Without<JournalEntry, 'at'>): Promise<Undoing> {
    const dated = { at: this.#now().toISOString(), ...entry } as JournalEntry;
    const next = evolve(this.#all.get(dated.id), dated);
    if (next === undefined) throw new Error(`nothing was begun under ${dated.id}`);
    if (this.#torn) await this.#cut();
    const line = Buffer.from(`${JSON.stringify(dated)}\n`);
    try {
      await this.#file.writeFile(line);
      await this.#file.datasync();
    } catch (error) {
      this.#torn = true;
      // At once, so that the next agent doesn't read what this one calls not written. It is tried again before the next.
      await this.#cut().catch(() => {});
      throw error;
    }
    this.#soundBytes += line.length;
    this.#all.set(dated.id, next);
    return next;
  }

  async #cut(): Promise<void> {
    try {
      await this.#file.truncate(this.#soundBytes);
      await this.#file.datasync();
    } catch (error) {
      throw new Error(`undone.jsonl ends in half a line that can’t be cut off: ${(error as Error).message}`);
    }
    this.#torn = false;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }
}

async function wholeLines(path: string) {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const soundBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.subarray(0, soundBytes).toString('utf8').split('\n');
  const entries = lines.flatMap((line, i) => (line === '' ? [] : [entryOf(line, `${path}, line ${i + 1}`)]));
  return { all: foldJournal(entries), soundBytes, bytes: bytes.length };
}

function entryOf(line: string, where: string): JournalEntry {
  try {
    const entry = JSON.parse(line) as Partial<JournalEntry> | null;
    if (typeof entry?.type === 'string' && typeof entry.id === 'string') return entry as JournalEntry;
  } catch {
    // Said below, in words that help.
  }
  throw new Error(
    `${where}, is broken, and says what this agent undid by itself: keep a copy of the file; where half an entry stands ` +
      'before a whole one, which begins with {"at":, take the half out by hand, and start again',
  );
}
