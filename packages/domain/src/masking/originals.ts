/**
 * What must not be found in a masked copy, kept as keyed digests alone; and the search for it in any text. A text is
 * taken apart into words (runs of letters and digits, in small letters), and every run of as many words as an original
 * has is compared. So a value is found inside of a longer text, in JSON and in lists, whatever signs stand between its
 * words; a long number also in groups of other sizes. Then the text is read as it was meant where it is written with escapes.
 * A digest has 64 bits and a seed; it is fast, and no cryptographic one: it never leaves the run.
 */
import { writtenOtherwise } from './written-otherwise.ts';

/** Longer originals are known by their first words. */
export const MOST_WORDS = 8;

/** In place of a count of words: groups of a long number, put together. */
const JOINED = 16;

/** Shorter numbers aren't looked for across groups: days and times would be found everywhere. Letters and digits. */
const LEAST_JOINED = 9;

/** A number has so many groups at most, and so many signs between two of them. */
const MOST_GROUPS = 12;
const MOST_BETWEEN = 3;

/** A machine's address, whose groups say something: 10.1.23.4 isn't 10.12.3.4. */
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*)(?:\/\d{1,3})?$/i;

/** Two numbers of 32 bits. */
export interface DigestSeed {
  readonly low: number;
  readonly high: number;
}

/** An original as it is kept: its digest, how many words it has ({@link JOINED}: put together), and the first one's, by which the search begins. */
export interface KeptOriginal {
  readonly low: number;
  readonly high: number;
  readonly words: number;
  readonly first: number;
}

const FIRST_BITS = 24;

/** Numbers of a slot: digest, words (0: no longer looked for), first word. */
const SLOT = 4;

export class Originals {
  readonly #seed: DigestSeed;
  /** Open addressing; a slot whose digest is zero is empty. At most half of them are taken. */
  #slots = new Uint32Array(SLOT * 1_024);
  #taken = 0;
  /** Different values: a number that is also kept put together is one. */
  #count = 0;
  #dropped = 0;
  /** A bit for each first word, by a part of its digest. */
  readonly #firsts = new Uint8Array(2 ** (FIRST_BITS - 3));
  #sizes = 0;
  #numbers = false;

  constructor(seed: DigestSeed) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#count - this.#dropped;
  }

  /** The digests of a value by which it is looked for; none when it says nothing: short words stand everywhere. */
  digests(value: string): readonly KeptOriginal[] {
    const text = plain(value);
    const words = this.#words(text);
    if (words.count === 0) return [];
    if (words.digits ? words.letters < 6 : words.letters < 4) return [];
    const count = Math.min(words.count, MOST_WORDS);
    let low = 0;
    let high = 0;
    for (let i = 0; i < count; i++) {
      low = nextLow(low, words.low[i] as number);
      high = nextHigh(high, words.high[i] as number, low);
    }
    const own = { low, high, words: count, first: words.low[0] as number };
    const grouped = words.count <= MOST_GROUPS && words.letters >= LEAST_JOINED && !ADDRESS.test(value);
    if (!grouped || words.numbered.subarray(0, words.count).includes(0)) return [own];
    const joined = this.#joined(text, words, 0, words.count);
    return [own, { ...joined, words: JOINED, first: joined.low }];
  }

  add({ low, high, words, first }: KeptOriginal): void {
    if (2 * SLOT * (this.#taken + 1) > this.#slots.length) this.#grow();
    const at = slotOf(this.#slots, low, high);
    if (this.#slots[at] !== 0 || this.#slots[at + 1] !== 0) return;
    this.#slots[at] = low;
    this.#slots[at + 1] = high;
    this.#slots[at + 2] = words;
    this.#slots[at + 3] = first;
    this.#taken++;
    if (words === JOINED) {
      this.#numbers = true;
      return;
    }
    this.#count++;
    this.#firsts[(first >>> (32 - FIRST_BITS)) >>> 3]! |= 1 << ((first >>> (32 - FIRST_BITS)) & 7);
    this.#sizes |= 1 << words;
  }

  /** No longer looks for one. Answers whether it did, and it is a value by itself. */
  drop({ low, high }: Pick<KeptOriginal, 'low' | 'high'>): boolean {
    const at = slotOf(this.#slots, low, high);
    const words = this.#slots[at + 2] as number;
    if (words === 0) return false;
    this.#slots[at + 2] = 0;
    if (words !== JOINED) this.#dropped++;
    return words !== JOINED;
  }

  /** All that are looked for. */
  *all(): Generator<KeptOriginal> {
    for (let at = 0; at < this.#slots.length; at += SLOT) {
      const [low, high, words, first] = this.#slots.subarray(at, at + SLOT) as unknown as [
        number,
        number,
        number,
        number,
      ];
      if (words !== 0) yield { low, high, words, first };
    }
  }

  /** Whether an original stands in a text, as it is written there or as that was meant. */
  isIn(text: string): boolean {
    if (this.#count === 0) return false;
    if (this.#standsIn(text)) return true;
    for (const reading of writtenOtherwise(text)) if (this.#standsIn(reading)) return true;
    return false;
  }

  #standsIn(given: string): boolean {
    const text = plain(given);
    const words = this.#words(text);
    const { count, low, high } = words;
    for (let i = 0; i < count; i++) {
      const first = (low[i] as number) >>> (32 - FIRST_BITS);
      if (((this.#firsts[first >>> 3] as number) & (1 << (first & 7))) === 0) continue;
      let l = 0;
      let h = 0;
      for (let n = 1; n <= MOST_WORDS && i + n <= count; n++) {
        l = nextLow(l, low[i + n - 1] as number);
        h = nextHigh(h, high[i + n - 1] as number, l);
        if ((this.#sizes & (1 << n)) !== 0 && this.#has(l, h, n)) return true;
      }
    }
    return this.#numbers && this.#numberStandsIn(text, words);
  }

  /** Whether groups of digits that stand beside each other are one of the long numbers. */
  #numberStandsIn(text: string, words: Words): boolean {
    const { count, numbered, starts, ends } = words;
    for (let i = 0; i < count; i++) {
      let length = 0;
      for (let n = 0; n < MOST_GROUPS && i + n < count && numbered[i + n] === 1; n++) {
        const start = starts[i + n] as number;
        if (n > 0 && start - (ends[i + n - 1] as number) > MOST_BETWEEN) break;
        length += (ends[i + n] as number) - start;
        if (length < LEAST_JOINED) continue;
        const { low, high } = this.#joined(text, words, i, n + 1);
        if (this.#has(low, high, JOINED)) return true;
      }
    }
    return false;
  }

  #has(low: number, high: number, words: number): boolean {
    const kept = this.#slots[slotOf(this.#slots, low, high) + 2] as number;
    return kept !== 0 && (kept === JOINED) === (words === JOINED);
  }

  /** The digest of so many words as one. */
  #joined(text: string, { starts, ends }: Words, from: number, count: number): { low: number; high: number } {
    let l = this.#seed.low;
    let h = this.#seed.high;
    for (let word = from; word < from + count; word++)
      for (let i = starts[word] as number; i < (ends[word] as number); i++) {
        const c = text.charCodeAt(i);
        l = Math.imul(l ^ c, 0x01000193);
        h = Math.imul(h ^ c, 0x85ebca6b) ^ (h >>> 15);
      }
    const low = nextLow(JOINED, stirred(l ^ (h >>> 7)));
    return { low, high: nextHigh(JOINED, stirred(h ^ Math.imul(l, 0xc2b2ae35)), low) };
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += SLOT) {
      const [low, high] = [before[at] as number, before[at + 1] as number];
      if (low !== 0 || high !== 0) this.#slots.set(before.subarray(at, at + SLOT), slotOf(this.#slots, low, high));
    }
  }

  /** Reused from text to text: a scan reads millions of them. */
  #low = new Uint32Array(64);
  #high = new Uint32Array(64);
  #starts = new Uint32Array(64);
  #ends = new Uint32Array(64);
  #numbered = new Uint8Array(64);

  #words(text: string): Words {
    const { low: seedLow, high: seedHigh } = this.#seed;
    let count = 0;
    let letters = 0;
    let digits = true;
    let inside = false;
    let start = 0;
    let numbered = 0;
    let l = seedLow;
    let h = seedHigh;
    for (let i = 0; i <= text.length; i++) {
      const c = i < text.length ? text.charCodeAt(i) : 32;
      const digit = c >= 48 && c <= 57;
      if (digit || (c >= 97 && c <= 122) || isLetter(c)) {
        if (digit) numbered = 1;
        else digits = false;
        letters++;
        if (!inside) start = i;
        inside = true;
        l = Math.imul(l ^ c, 0x01000193);
        h = Math.imul(h ^ c, 0x85ebca6b) ^ (h >>> 15);
      } else if (inside) {
        if (count === this.#low.length) this.#more();
        this.#low[count] = stirred(l ^ (h >>> 7));
        this.#high[count] = stirred(h ^ Math.imul(l, 0xc2b2ae35));
        this.#starts[count] = start;
        this.#ends[count] = i;
        this.#numbered[count] = numbered;
        count++;
        inside = false;
        numbered = 0;
        l = seedLow;
        h = seedHigh;
      }
    }
    const [low, high, starts, ends] = [this.#low, this.#high, this.#starts, this.#ends];
    return { count, letters, digits, low, high, starts, ends, numbered: this.#numbered };
  }

  #more(): void {
    const more = (numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
      const next = new Uint32Array(2 * numbers.length);
      next.set(numbers);
      return next;
    };
    this.#low = more(this.#low);
    this.#high = more(this.#high);
    this.#starts = more(this.#starts);
    this.#ends = more(this.#ends);
    const numbered = new Uint8Array(2 * this.#numbered.length);
    numbered.set(this.#numbered);
    this.#numbered = numbered;
  }
}

interface Words {
  readonly count: number;
  /** Letters and digits in all. */
  readonly letters: number;
  /** Nothing but digits. */
  readonly digits: boolean;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  /** Where each stands in the text. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1: it has a digit. */
  readonly numbered: Uint8Array;
}

/** In small letters; letters that look alike and marks that can't be seen, in one form. */
function plain(text: string): string {
  if (/^\p{ASCII}*$/u.test(text)) return text.toLowerCase();
  const one = text.normalize('NFKC').toLowerCase();
  return one.replace(/\p{Mn}|\p{Cf}/gu, '');
}

/** Letters beyond ASCII; signs, dashes and spaces of there stand between words. */
function isLetter(c: number): boolean {
  return c >= 0xc0 && c !== 0xd7 && c !== 0xf7 && !(c >= 0x2000 && c <= 0x2bff) && !(c >= 0x3000 && c <= 0x3004);
}

/** The halves of a digest with one word more. */
function nextLow(low: number, word: number): number {
  return stirred(Math.imul(low, 31) ^ word);
}

function nextHigh(high: number, word: number, low: number): number {
  return stirred(Math.imul(high, 37) ^ word ^ low);
}

function stirred(given: number): number {
  let x = given;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Where a digest stands, or where it would. */
function slotOf(slots: Uint32Array, low: number, high: number): number {
  const mask = slots.length / SLOT - 1;
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    const at = SLOT * slot;
    const [l, h] = [slots[at] as number, slots[at + 1] as number];
    if ((l === low && h === high) || (l === 0 && h === 0)) return at;
  }
}
