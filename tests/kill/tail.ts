import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

/** A file of JSON lines that others append to. What was read stays read; a line that is still being written waits. */
export class Tail<T> {
  readonly #file: string;
  readonly #lines: T[] = [];
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** All whole lines so far. */
  lines(): readonly T[] {
    if (!existsSync(this.#file)) return this.#lines;
    const file = openSync(this.#file, 'r');
    try {
      const added = Buffer.alloc(fstatSync(file).size - this.#offset);
      const read = added.subarray(0, readSync(file, added, 0, added.length, this.#offset));
      const whole = read.subarray(0, read.lastIndexOf(10) + 1);
      this.#offset += whole.length;
      for (const line of whole.toString('utf8').split('\n')) if (line !== '') this.#lines.push(JSON.parse(line) as T);
    } finally {
      closeSync(file);
    }
    return this.#lines;
  }
}
