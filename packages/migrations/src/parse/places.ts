/** A place in a file. Lines and columns count from 1, columns in characters; the offset is in bytes of UTF-8. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

/** Translates between characters, bytes and lines of one text. */
export class Places {
  readonly #text: string;
  /** Where each line begins, in characters. */
  readonly #lines: readonly number[];
  /** The same, in bytes; absent when every character is one byte. */
  readonly #lineBytes: readonly number[] | undefined;

  constructor(text: string) {
    this.#text = text;
    const lines = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
    this.#lines = lines;
    if (Buffer.byteLength(text) !== text.length) {
      const bytes = [0];
      for (let i = 1; i < lines.length; i++)
        bytes.push((bytes[i - 1] ?? 0) + Buffer.byteLength(text.slice(lines[i - 1], lines[i])));
      this.#lineBytes = bytes;
    }
  }

  /** The place of a character. */
  at(character: number): Place {
    const line = lastAtMost(this.#lines, character);
    const start = this.#lines[line] ?? 0;
    const before = this.#text.slice(start, character);
    const offset = this.#lineBytes === undefined ? character : (this.#lineBytes[line] ?? 0) + Buffer.byteLength(before);
    return { line: line + 1, column: before.length + 1, offset };
  }

  /** The character that begins at a byte. */
  characterOf(byte: number): number {
    if (this.#lineBytes === undefined) return byte;
    const line = lastAtMost(this.#lineBytes, byte);
    const start = this.#lines[line] ?? 0;
    const rest = Buffer.from(this.#text.slice(start, this.#lines[line + 1] ?? this.#text.length));
    return start + rest.subarray(0, byte - (this.#lineBytes[line] ?? 0)).toString().length;
  }
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
