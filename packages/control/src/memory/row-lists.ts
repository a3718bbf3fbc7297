import { endedAt, facetOf, isOpen, isTroubled } from '../ports/facets.ts';
import type { ListPage, Row, StreamId } from '../ports/store.ts';

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

  page(kind: string, page: ListPage, rowOf: (stream: StreamId) => Row): Row[] {
    const { after, limit, parent, under, descending } = page;
    const list = this.#lists.get(parent === undefined ? kind : `${kind} ${parent}`);
    if (list === undefined) return [];
    if (!list.sorted) {
      list.streams.sort();
      list.sorted = true;
    }
    const { streams } = list;
    const step = descending === true ? -1 : 1;
    let at =
      after === undefined ? (step > 0 ? 0 : streams.length - 1) : firstAfter(streams, after) - (step > 0 ? 0 : 1);
    if (step < 0 && streams[at] === after) at -= 1;
    const rows: Row[] = [];
    for (; rows.length < limit && at >= 0 && at < streams.length; at += step) {
      const row = rowOf(streams[at]!);
      const { stream, state } = row;
      if (under !== undefined && !stream.startsWith(under)) continue;
      if (page.facet !== undefined && facetOf(stream, state) !== page.facet) continue;
      if (page.open !== undefined && isOpen(stream, state) !== page.open) continue;
      if (page.troubled === true && isTroubled(stream, state) !== true) continue;
      if (page.endedSince !== undefined && (endedAt(stream, state) ?? Number.NEGATIVE_INFINITY) < page.endedSince)
        continue;
      rows.push(row);
    }
    return rows;
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
