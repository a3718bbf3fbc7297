/**
 * A small seeded generator (sfc32, seeded by splitmix32): fast, good enough, and the same everywhere. Whatever happens
 * in a run is drawn from generators that are seeded by (seed, promotion index, purpose), so that each promotion can be
 * lived through again on its own, and one purpose's draws don't shift another's.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(...seeds: readonly number[]) {
    let h = 0x9e3779b9;
    const next = (): number => {
      h = (h + 0x9e3779b9) | 0;
      let t = h ^ (h >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    for (const seed of seeds) h = next() ^ (seed | 0) ^ Math.imul((seed / 0x100000000) | 0, 0x85ebca6b);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = 1;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.bits() / 0x100000000;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.unit() * items.length)] as T;
  }

  /** A count with this mean (Poisson). */
  count(mean: number): number {
    const limit = Math.exp(-mean);
    let product = this.unit();
    let n = 0;
    while (product > limit) {
      product *= this.unit();
      n++;
    }
    return n;
  }
}
