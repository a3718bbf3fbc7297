import {
  type BY_TIME,
  type CellRecord,
  type ControlStore,
  type ListPage,
  type Made,
  type Result,
  type Row,
  refuse,
} from '@headgate/control';
import { hasBegun, type Promotion } from '@headgate/domain';

export const PAGE = 50;

/** What a list is asked for: how much, from where, which, in which order. */
export interface PageQuery {
  readonly cursor?: string;
  readonly limit?: number;
  /** `desc` for the last first. */
  readonly order?: 'asc' | 'desc';
}

export type Page = Result<{ readonly rows: readonly Row[]; readonly next: string | null }>;
type Only = Omit<ListPage, 'after' | 'limit' | 'descending' | 'byTime'>;

/**
 * A page of a kind's rows. Cursors are opaque: the last stream of the page before, in base64url, so that what is inserted
 * or removed meanwhile neither doubles nor hides a row that was there all along.
 */
export async function pageOfRows(store: ControlStore, kind: string, page: PageQuery, only: Only = {}): Promise<Page> {
  const after = page.cursor === undefined ? undefined : decoded(page.cursor);
  if (after !== undefined && !isStream(kind, after)) return NO_CURSOR;
  const limit = page.limit ?? PAGE;
  const rows = await store.list(kind, {
    ...only,
    limit: limit + 1,
    ...(after !== undefined && { after }),
    ...(page.order === 'desc' && { descending: true }),
  });
  return shownOf(rows, limit, ({ stream }) => stream);
}

/**
 * A page of promotions or of releases by when they were made, the newest first unless they are asked for the other way round.
 * A cursor is the time and the stream of the last row. One of an older Headgate, which listed them by their ids, goes on in
 * that order to its end; a server of that version refuses ours, since no stream's name begins with a digit.
 */
export async function pageByTime(
  store: ControlStore,
  kind: (typeof BY_TIME)[number],
  page: PageQuery,
  only: Only = {},
): Promise<Page> {
  const text = page.cursor === undefined ? undefined : decoded(page.cursor);
  if (text !== undefined && isStream(kind, text)) {
    // No older Headgate filtered by these, and no index has them in the order of ids.
    if (only.phase !== undefined || only.application !== undefined) return NO_CURSOR;
    return pageOfRows(store, kind, page, only);
  }
  const after = text === undefined ? undefined : madeOf(kind, text);
  if (text !== undefined && after === undefined) return NO_CURSOR;
  const limit = page.limit ?? PAGE;
  const rows = await store.list(kind, {
    ...only,
    limit: limit + 1,
    byTime: after === undefined ? {} : { after },
    ...(page.order !== 'asc' && { descending: true }),
  });
  return shownOf(rows, limit, ({ stream, madeAt = 0 }) => `${madeAt} ${stream}`);
}

function shownOf(rows: readonly Row[], limit: number, cursorOf: (last: Row) => string): Page {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? Buffer.from(cursorOf(last)).toString('base64url') : null;
  return { ok: true, value: { rows: shown, next } };
}

/** A cursor that no answer of a list gave. */
export const NO_CURSOR = refuse<never>(
  'malformed',
  'list',
  'query/cursor',
  'it is not a cursor of this list',
  'take `next` of the page before',
);

function decoded(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString('utf8');
}

function isStream(kind: string, text: string): boolean {
  return text.startsWith(`${kind}/`) && !/\p{Cc}/u.test(text);
}

function madeOf(kind: string, text: string): Made | undefined {
  const [, at, stream = ''] = /^(\d{1,15}) (.*)$/su.exec(text) ?? [];
  return at === undefined || !isStream(kind, stream) ? undefined : { at: Number(at), stream };
}

/** Only streams of a kind whose name begins so. */
export function beginning(kind: string, prefix: string | undefined): Pick<ListPage, 'under'> {
  return prefix === undefined ? {} : { under: `${kind}/${prefix}` };
}

/** All rows of a kind, up to a bound; `truncated` when there are more. */
export async function allRows<S>(
  store: ControlStore,
  kind: string,
  most: number,
  only: Pick<ListPage, 'facet' | 'open' | 'troubled'> = {},
): Promise<{ readonly rows: readonly Row<S>[]; readonly truncated: boolean }> {
  const rows: Row[] = [];
  for (;;) {
    const after = rows.at(-1)?.stream;
    const page = await store.list(kind, { ...only, limit: 1_000, ...(after !== undefined && { after }) });
    rows.push(...page);
    if (page.length < 1_000) return { rows: rows as Row<S>[], truncated: false };
    if (rows.length >= most) return { rows: rows as Row<S>[], truncated: true };
  }
}

/**
 * Cells up to a bound, in the order of their names. Those in which something is known to be wrong are read first, by an index
 * of their own: however many others there are, they are among them.
 */
export async function cellRows(
  store: ControlStore,
  most: number,
  only: Pick<ListPage, 'facet'> = {},
): Promise<{ readonly rows: readonly Row<CellRecord>[]; readonly truncated: boolean }> {
  const [troubled, all] = await Promise.all([
    allRows<CellRecord>(store, 'cell', most, { ...only, troubled: true }),
    allRows<CellRecord>(store, 'cell', most, only),
  ]);
  if (!all.truncated) return all;
  const rows = new Map([...troubled.rows, ...all.rows].map((row) => [row.stream, row] as const));
  const sorted = [...rows.values()].sort((a, b) => (a.stream < b.stream ? -1 : 1));
  return { rows: sorted, truncated: true };
}

/** Open promotions, those that have begun first; `truncated` when there are more than the bound. */
export async function openPromotions(
  store: ControlStore,
  most: number,
  only: Pick<ListPage, 'facet'> = {},
): Promise<{
  readonly begun: readonly Promotion[];
  readonly waiting: readonly Promotion[];
  readonly truncated: boolean;
}> {
  const { rows, truncated } = await allRows<Promotion>(store, 'promotion', most, { ...only, open: true });
  const all = rows.map(({ state }) => state);
  return { begun: all.filter(hasBegun), waiting: all.filter((each) => !hasBegun(each)), truncated };
}
