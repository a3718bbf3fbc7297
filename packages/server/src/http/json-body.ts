/**
 * JSON from outside, read strictly: UTF-8 alone, each key of a mapping once, no key `__proto__`, numbers that a number
 * can hold, nesting that no reader's stack minds, and no more keys and values than a schema of ours takes: a few megabytes
 * of them stop the process for seconds, whoever is waiting. JSON.parse takes the last of two keys and says nothing, so whoever
 * looks at a request before us may have seen another one (RFC 8259, section 4); here it is refused, with its place.
 */
import { isUtf8 } from 'node:buffer';
import { visible } from '@headgate/contract';

/** Deepest nesting: canonical JSON goes no deeper either. */
const DEEPEST = 100;

/** What a body may hold at most. */
export interface JsonBounds {
  /** Keys of one mapping. */
  readonly keys: number;
  /** Values in all: texts, numbers, mappings, lists. */
  readonly values: number;
}

/** Twice the tenants or stores of a cell, which no mapping of the contract exceeds; and people's bodies are mostly texts. */
export const JSON_BOUNDS: JsonBounds = { keys: 20_000, values: 50_000 };

export class BodyMalformed extends Error {
  /** `body/files/0/name`, or `body:3:14` where there is no such place because it is no JSON. */
  readonly where: string;
  constructor(where: string, why: string) {
    super(why);
    this.name = 'BodyMalformed';
    this.where = where;
  }
}

/** Reads a body. Throws {@link BodyMalformed}, before anything was made of what is too much. */
export function readJson(bytes: Buffer, bounds = JSON_BOUNDS): unknown {
  if (!isUtf8(bytes)) {
    const good = firstOdd(bytes);
    throw new BodyMalformed(placeOfEnd(bytes.toString('utf8', 0, good), bounds), `it is no UTF-8 from byte ${good} on`);
  }
  const text = bytes.toString('utf8');
  new Scan(text, bounds).whole();
  return JSON.parse(text);
}

/** The place where a text ends that was cut off. */
function placeOfEnd(text: string, bounds: JsonBounds): string {
  const scan = new Scan(text, bounds);
  try {
    scan.whole();
  } catch {
    // It was cut off: that it has no end is no news.
  }
  return scan.place();
}

/** Offset of the first byte that belongs to no character. */
function firstOdd(bytes: Buffer): number {
  let good = 0;
  for (let grew = true; grew; ) {
    grew = false;
    // Halved steps, so that a large body costs a few looks. A step that ends within a character fails, and a smaller one is tried.
    for (let size = bytes.length - good; size >= 1; size = size > 8 ? size >> 1 : size - 1) {
      if (good + size > bytes.length || !isUtf8(bytes.subarray(good, good + size))) continue;
      good += size;
      grew = true;
    }
  }
  return good;
}

interface Open {
  /** Keys of a mapping; undefined for a list. */
  readonly keys: Set<string> | undefined;
  /** The key or index that stands open now. */
  at: string | number;
}

const PUNCTUATION = { object: '{', list: '[' } as const;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** One walk over a text, without recursion: what is nested too deep must not exhaust a stack to be found. */
class Scan {
  readonly #text: string;
  readonly #open: Open[] = [];
  readonly #bounds: JsonBounds;
  #at = 0;
  #values = 0;

  constructor(text: string, bounds: JsonBounds) {
    this.#text = text;
    this.#bounds = bounds;
  }

  whole(): void {
    this.#value();
    while (this.#open.length > 0) this.#next();
    this.#space();
    if (this.#at < this.#text.length) this.#odd('nothing behind the value');
  }

  /** Takes a value; of a mapping or a list only the beginning. */
  #value(): void {
    this.#space();
    this.#values += 1;
    const { values } = this.#bounds;
    if (this.#values > values) throw new BodyMalformed(this.place(), `it holds more than ${values} values`);
    const c = this.#text[this.#at];
    if (c === PUNCTUATION.object || c === PUNCTUATION.list) {
      this.#at += 1;
      if (this.#open.length >= DEEPEST) throw new BodyMalformed(this.place(), `it is nested deeper than ${DEEPEST}`);
      this.#open.push({ keys: c === PUNCTUATION.object ? new Set() : undefined, at: -1 });
      return;
    }
    if (c === '"') return void this.#string();
    for (const word of ['true', 'false', 'null'])
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return;
      }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined) this.#odd('a value');
    if (!Number.isFinite(Number(number))) throw new BodyMalformed(this.place(), 'a number is larger than any can be');
    this.#at += number.length;
  }

  /** Goes on in the innermost mapping or list: to its next value, or to its end. */
  #next(): void {
    const open = this.#open.at(-1) as Open;
    const end = open.keys === undefined ? ']' : '}';
    const first = open.at === -1;
    this.#space();
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      this.#open.pop();
      return;
    }
    if (!first) {
      if (this.#text[this.#at] !== ',') this.#odd(`a comma or ${end}`);
      this.#at += 1;
    }
    if (open.keys === undefined) open.at = first ? 0 : (open.at as number) + 1;
    else open.at = this.#key(open.keys);
    this.#value();
  }

  #key(keys: Set<string>): string {
    this.#space();
    if (this.#text[this.#at] !== '"') this.#odd('a key in quotes');
    const key = this.#string();
    const open = this.#open.at(-1) as Open;
    open.at = key;
    if (key === '__proto__') throw new BodyMalformed(this.place(), 'no mapping has this key');
    if (keys.has(key)) throw new BodyMalformed(this.place(), 'this key stands there twice');
    keys.add(key);
    const most = this.#bounds.keys;
    if (keys.size > most) throw new BodyMalformed(this.place(), `this mapping has more than ${most} keys`);
    this.#space();
    if (this.#text[this.#at] !== ':') this.#odd('a colon');
    this.#at += 1;
    return key;
  }

  /** Takes a string and answers with what it says. */
  #string(): string {
    const text = this.#text;
    const from = this.#at;
    let escaped = false;
    for (let i = from + 1; ; i++) {
      const code = text.charCodeAt(i);
      if (code === 0x22) {
        this.#at = i + 1;
        return escaped ? (JSON.parse(text.slice(from, i + 1)) as string) : text.slice(from + 1, i);
      }
      if (Number.isNaN(code) || code < 0x20) {
        this.#at = i;
        this.#odd('the end of a text in quotes');
      }
      if (code !== 0x5c) continue;
      escaped = true;
      const next = text[i + 1] ?? '';
      const ok =
        next === 'u' ? /^[0-9a-fA-F]{4}$/.test(text.slice(i + 2, i + 6)) : '"\\/bfnrt'.includes(next) && next !== '';
      if (!ok) {
        this.#at = i;
        this.#odd('an escape that JSON has');
      }
      i += next === 'u' ? 5 : 1;
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  /** `body/files/0/name`. */
  place(): string {
    return ['body', ...this.#open.filter(({ at }) => at !== -1).map(({ at }) => visible(String(at).slice(0, 80)))]
      .join('/')
      .slice(0, 300);
  }

  #odd(expected: string): never {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    throw new BodyMalformed(`body:${line}:${column}`, `it is no JSON: expected ${expected}`);
  }
}
