import type { Instant } from '@headgate/domain';

/** What is to happen at a moment; it may take several turns when it waits for virtual time itself. */
export type Happening = () => Promise<unknown> | undefined;

interface Item {
  readonly at: Instant;
  readonly order: number;
  readonly run: Happening;
}

/** The future: a binary heap, oldest first; of two at one moment, the one that was put in first. */
export class Agenda {
  readonly #items: Item[] = [];
  #order = 0;

  get size(): number {
    return this.#items.length;
  }

  nextAt(): Instant | undefined {
    return this.#items[0]?.at;
  }

  put(at: Instant, run: Happening): void {
    const items = this.#items;
    const item: Item = { at, order: this.#order++, run };
    let child = items.length;
    items.push(item);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = items[parent] as Item;
      if (!before(item, above)) break;
      items[child] = above;
      child = parent;
    }
    items[child] = item;
  }

  take(): Item | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1] as Item, items[child] as Item)) child++;
      const below = items[child] as Item;
      if (!before(below, last)) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return first;
  }
}

function before(a: Item, b: Item): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
