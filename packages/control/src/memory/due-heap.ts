/** Something that stands in a {@link DueHeap}. The heap alone writes `heapIndex`. */
export interface Due {
  /** When it is due; Infinity for never. Change it through {@link DueHeap.move} only. */
  dueKey: number;
  /** Breaks ties, so that a run is the same every time. */
  readonly order: number;
  /** -1: not in the heap. */
  heapIndex: number;
}

/** A binary heap of what is due, oldest first, that knows where everything stands: moving one is O(log n), with no leftovers. */
export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  /** Puts an item where its new key says; Infinity takes it out. */
  move(item: T, dueKey: number): void {
    const before = item.dueKey;
    item.dueKey = dueKey;
    if (item.heapIndex < 0) {
      if (dueKey === Number.POSITIVE_INFINITY) return;
      item.heapIndex = this.#items.length;
      this.#items.push(item);
      this.#up(item);
    } else if (dueKey === Number.POSITIVE_INFINITY) {
      this.#remove(item);
    } else if (dueKey < before) {
      this.#up(item);
    } else if (dueKey > before) {
      this.#down(item);
    }
  }

  #remove(item: T): void {
    const last = this.#items.pop()!;
    const at = item.heapIndex;
    item.heapIndex = -1;
    if (last === item) return;
    this.#place(last, at);
    this.#up(last);
    this.#down(last);
  }

  #up(item: T): void {
    let at = item.heapIndex;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#items[parent]!;
      if (!before(item, above)) break;
      this.#place(above, at);
      at = parent;
    }
    this.#place(item, at);
  }

  #down(item: T): void {
    const items = this.#items;
    let at = item.heapIndex;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      const below = items[child]!;
      if (!before(below, item)) break;
      this.#place(below, at);
      at = child;
    }
    this.#place(item, at);
  }

  #place(item: T, at: number): void {
    this.#items[at] = item;
    item.heapIndex = at;
  }
}

function before(a: Due, b: Due): boolean {
  return a.dueKey < b.dueKey || (a.dueKey === b.dueKey && a.order < b.order);
}
