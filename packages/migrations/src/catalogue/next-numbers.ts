/**
 * The numbers that chosen names got so far, so that the next free one isn't looked for from the beginning: a file of many
 * statements without names would else take time by the square of them.
 */
interface Series {
  /** All below it were found taken, but for those that are free again. */
  next: number;
  /** Numbers below `next` whose names were given back: a heap, the smallest first. */
  readonly free: number[];
}

interface Seen {
  readonly series: Series;
  readonly number: number;
}

export class NextNumbers {
  readonly #series = new Map<string, Series>();
  /** Names that were found taken, and whose numbers they have. */
  readonly #seen = new Map<string, Seen[]>();
  /** How many names were looked at, since the beginning. */
  probes = 0;

  /**
   * The first name of a series that nothing has. `scope`: within which names differ. `of`: tells the series from every other
   * of its scope. `nameAt`: its name with a number.
   */
  choose(scope: string, of: string, nameAt: (number: number) => string, isTaken: (name: string) => boolean): string {
    const key = `${scope}\0${of}`;
    const series = this.#series.get(key) ?? { next: 0, free: [] };
    this.#series.set(key, series);
    const look = (number: number): string | undefined => {
      this.probes += 1;
      const name = nameAt(number);
      if (!isTaken(name)) return name;
      const full = `${scope}\0${name}`;
      const seen = this.#seen.get(full);
      if (seen === undefined) this.#seen.set(full, [{ series, number }]);
      else if (!seen.some((each) => each.series === series)) seen.push({ series, number });
      return undefined;
    };
    for (let number = series.free[0]; number !== undefined; number = series.free[0]) {
      const name = look(number);
      if (name !== undefined) return name;
      dropSmallest(series.free);
    }
    for (; ; series.next++) {
      const name = look(series.next);
      if (name !== undefined) return name;
    }
  }

  /** A name is given back. */
  release(scope: string, name: string): void {
    const full = `${scope}\0${name}`;
    for (const { series, number } of this.#seen.get(full) ?? []) if (number < series.next) add(series.free, number);
    this.#seen.delete(full);
  }
}

function add(heap: number[], number: number): void {
  let at = heap.push(number) - 1;
  for (let up = (at - 1) >> 1; at > 0 && numberAt(heap, up) > number; up = (at - 1) >> 1) {
    heap[at] = numberAt(heap, up);
    heap[up] = number;
    at = up;
  }
}

function dropSmallest(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (let down = 1; down < heap.length; down = 2 * at + 1) {
    if (numberAt(heap, down + 1) < numberAt(heap, down)) down += 1;
    if (numberAt(heap, down) >= last) break;
    heap[at] = numberAt(heap, down);
    at = down;
  }
  heap[at] = last;
}

function numberAt(heap: readonly number[], at: number): number {
  return heap[at] ?? Number.POSITIVE_INFINITY;
}
