import { checkByTime } from '../ports/commit-rules.ts';
import { endedAt, facetOf, isInPhase, isOfApplication, isOpen, isTroubled } from '../ports/facets.ts';
import type { ListPage, Made, Row, StreamId } from '../ports/store.ts';

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
    const { after, limit, parent, descending } = page;
    if (page.byTime !== undefined) checkByTime(kind);
    const list = this.#lists.get(parent === undefined ? kind : `${kind} ${parent}`);
    if (list === undefined) return [];
    if (!list.sorted) {
      list.streams.sort();
      list.sorted = true;
    }
    if (page.byTime !== undefined) return byTime(list.streams.map(rowOf), page);
    const { streams } = list;
    const step = descending === true ? -1 : 1;
    let at =
      after === undefined ? (step > 0 ? 0 : streams.length - 1) : firstAfter(streams, after) - (step > 0 ? 0 : 1);
    if (step < 0 && streams[at] === after) at -= 1;
    const rows: Row[] = [];
    for (; rows.length < limit && at >= 0 && at < streams.length; at += step) {
      const row = rowOf(streams[at]!);
      if (!meets(row, page)) continue;
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

/** Whether a row meets every condition of a page. */
function meets({ stream, state }: Row, page: ListPage): boolean {
  const { under, facet, application, phase, open, troubled, endedSince } = page;
  if (under !== undefined && !stream.startsWith(under)) return false;
  if (facet !== undefined && facetOf(stream, state) !== facet) return false;
  if (application !== undefined && !isOfApplication(stream, state, application)) return false;
  if (phase !== undefined && !isInPhase(stream, state, phase)) return false;
  if (open !== undefined && isOpen(stream, state) !== open) return false;
  if (troubled === true && isTroubled(stream, state) !== true) return false;
  return endedSince === undefined || (endedAt(stream, state) ?? Number.NEGATIVE_INFINITY) >= endedSince;
}

/** The page of a list by when rows were made. */
function byTime(all: readonly Row[], page: ListPage): Row[] {
  const { limit, descending, byTime: from } = page;
  const sign = descending === true ? -1 : 1;
  const made = ({ stream, madeAt: at = 0 }: Row): Made => ({ at, stream });
  const behind = (row: Row) => from?.after === undefined || sign * compareMade(made(row), from.after) > 0;
  return all
    .filter((row) => behind(row) && meets(row, page))
    .sort((a, b) => sign * compareMade(made(a), made(b)))
    .slice(0, limit);
}

function compareMade(a: Made, b: Made): number {
  return a.at - b.at || (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0);
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
