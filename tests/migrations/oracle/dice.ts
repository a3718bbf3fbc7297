/** Chance from a seed: the same cases every time. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1. */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(most: number): number {
    return Math.floor(this.roll() * most);
  }

  chance(share: number): boolean {
    return this.roll() < share;
  }

  one<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** So many different ones, in their order. */
  some<T>(from: readonly T[], count: number): T[] {
    const left = from.map((_, i) => i);
    const chosen: number[] = [];
    while (chosen.length < count && left.length > 0) chosen.push(...left.splice(this.below(left.length), 1));
    return chosen.sort((a, b) => a - b).map((i) => from[i] as T);
  }
}
