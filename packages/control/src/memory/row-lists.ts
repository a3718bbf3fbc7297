import type { StreamId } from '../ports/store.ts';

interface List {
  readonly streams: StreamId[];
  sorted: boolean;
}

/** Streams by kind, and by kind and parent, in the order of their names. Sorted when asked, because creating is the hot path. */
export class RowLists {
  readonly #lists = new Map<string, List>();

  add(kind: string, stream: StreamId, parent: StreamId | null): void {
    this.#push(kind, stream);
    if (parent !== null) this.#push(`${kind} ${parent}`, stream);
  }

  page(
    kind: string,
    { after, limit, parent }: { readonly after?: StreamId; readonly limit: number; readonly parent?: StreamId },
  ): StreamId[] {
    const list = this.#lists.get(parent === undefined ? kind : `${kind} ${parent}`);
    if (list === undefined) return [];
    if (!list.sorted) {
      list.streams.sort();
      list.sorted = true;
    }
    const from = after === undefined ? 0 : firstAfter(list.streams, after);
    return list.streams.slice(from, from + limit);
  }

  #push(key: string, stream: StreamId): void {
    const list = this.#lists.get(key);
    if (list === undefined) {
      this.#lists.set(key, { streams: [stream], sorted: true });
      return;
    }
    list.streams.push(stream);
    list.sorted = false;
  }
}

/** Index of the first stream that is greater, by halving. */
function firstAfter(streams: readonly StreamId[], after: StreamId): number {
  let low = 0;
  let high = streams.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (streams[middle]! > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
