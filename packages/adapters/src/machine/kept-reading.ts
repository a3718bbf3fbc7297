import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Folders or files of which the last reading is kept: many more than one agent has cells. */
const MOST = 10_000;

/**
 * What was read from files, for as long as they are the same ones: what is looked at several times a second in every cell is
 * parsed once, not each time. Files are told apart by their identity, size and times of change; only the owner of the file
 * system can set the last of these (`ctime`), so a file that was tampered with is another one.
 */
export class KeptReading<T> {
  readonly #read: (key: string) => Promise<T>;
  readonly #files: (key: string) => readonly string[];
  readonly #kept = new Map<string, { readonly stamp: string; readonly value: T }>();

  /** `files`: all that the reading of a key depends on. */
  constructor(files: (key: string) => readonly string[], read: (key: string) => Promise<T>) {
    this.#files = files;
    this.#read = read;
  }

  async of(key: string): Promise<T> {
    // Looked at before it is read: what changes meanwhile is another file at the next look.
    const stamp = (await Promise.all(this.#files(key).map(stampOf))).join(' ');
    const kept = this.#kept.get(key);
    if (kept?.stamp === stamp) return kept.value;
    const value = await this.#read(key);
    if (this.#kept.size >= MOST) this.#kept.clear();
    this.#kept.set(key, { stamp, value });
    return value;
  }
}

async function stampOf(path: string): Promise<string> {
  let facts: BigIntStats;
  try {
    facts = await stat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw error;
  }
  const { dev, ino, size, mtimeNs, ctimeNs } = facts;
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
