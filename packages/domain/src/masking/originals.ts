/**
 * What must not be found in a masked copy, kept as keyed digests alone; and the search for it in any text. A text is
 * taken apart into words (runs of letters and digits, in small letters), and every run of as many words as an original
 * has is compared. So a value is found inside of a longer text, in JSON and in lists, whatever signs stand between its
 * words. A digest has 64 bits and a seed; it is fast, and no cryptographic one: it never leaves the run.
 */

/** Longer originals are known by their first words. */
export const MOST_WORDS = 8;

/** Two numbers of 32 bits. */
export interface DigestSeed {
  readonly low: number;
  readonly high: number;
}

/** An original as it is kept: its digest, how many words it has, and the first one's, by which the search begins. */
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
  #count = 0;
  #dropped = 0;
  /** A bit for each first word, by a part of its digest. */
  readonly #firsts = new Uint8Array(2 ** (FIRST_BITS - 3));
  #sizes = 0;

  constructor(seed: DigestSeed) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#count - this.#dropped;
  }

  /** The digest of a value by which it is looked for; undefined when it says nothing: short words stand everywhere. */
  digest(value: string): KeptOriginal | undefined {
    const words = this.#words(value.toLowerCase());
    if (words.count === 0) return undefined;
    if (words.digits ? words.letters < 6 : words.letters < 4) return undefined;
    const count = Math.min(words.count, MOST_WORDS);
    let low = 0;
    let high = 0;
    for (let i = 0; i < count; i++) {
      low = nextLow(low, words.low[i] as number);
      high = nextHigh(high, words.high[i] as number, low);
    }
    return { low, high, words: count, first: words.low[0] as number };
  }

  add({ low, high, words, first }: KeptOriginal): void {
    if (2 * SLOT * (this.#count + 1) > this.#slots.length) this.#grow();
    const at = slotOf(this.#slots, low, high);
    if (this.#slots[at] !== 0 || this.#slots[at + 1] !== 0) return;
    this.#slots[at] = low;
    this.#slots[at + 1] = high;
    this.#slots[at + 2] = words;
    this.#slots[at + 3] = first;
    this.#count++;
    this.#firsts[(first >>> (32 - FIRST_BITS)) >>> 3]! |= 1 << ((first >>> (32 - FIRST_BITS)) & 7);
    this.#sizes |= 1 << words;
  }

  /** No longer looks for one. Answers whether it did. */
  drop({ low, high }: Pick<KeptOriginal, 'low' | 'high'>): boolean {
    const at = slotOf(this.#slots, low, high);
    if ((this.#slots[at + 2] as number) === 0) return false;
    this.#slots[at + 2] = 0;
    this.#dropped++;
    return true;
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

  /** Whether an original stands in a text. */
  isIn(text: string): boolean {
    if (this.#count === 0) return false;
    const { count, low, high } = this.#words(text.toLowerCase());
    for (let i = 0; i < count; i++) {
      const first = (low[i] as number) >>> (32 - FIRST_BITS);
      if (((this.#firsts[first >>> 3] as number) & (1 << (first & 7))) === 0) continue;
      let l = 0;
      let h = 0;
      for (let n = 1; n <= MOST_WORDS && i + n <= count; n++) {
        l = nextLow(l, low[i + n - 1] as number);
        h = nextHigh(h, high[i + n - 1] as number, l);
        if ((this.#sizes & (1 << n)) !== 0 && (this.#slots[slotOf(this.#slots, l, h) + 2] as number) !== 0) return true;
      }
    }
    return false;
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

  #words(text: string): Words {
    const { low: seedLow, high: seedHigh } = this.#seed;
    let count = 0;
    let letters = 0;
    let digits = true;
    let inside = false;
    let l = seedLow;
    let h = seedHigh;
    for (let i = 0; i <= text.length; i++) {
      const c = i < text.length ? text.charCodeAt(i) : 32;
      const digit = c >= 48 && c <= 57;
      if (digit || (c >= 97 && c <= 122) || isLetter(c)) {
        if (!digit) digits = false;
        letters++;
        inside = true;
        l = Math.imul(l ^ c, 0x01000193);
        h = Math.imul(h ^ c, 0x85ebca6b) ^ (h >>> 15);
      } else if (inside) {
        if (count === this.#low.length) this.#more();
        this.#low[count] = stirred(l ^ (h >>> 7));
        this.#high[count] = stirred(h ^ Math.imul(l, 0xc2b2ae35));
        count++;
        inside = false;
        l = seedLow;
        h = seedHigh;
      }
    }
    return { count, letters, digits, low: this.#low, high: this.#high };
  }

  #more(): void {
    const [low, high] = [this.#low, this.#high];
    this.#low = new Uint32Array(2 * low.length);
    this.#high = new Uint32Array(2 * high.length);
    this.#low.set(low);
    this.#high.set(high);
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
