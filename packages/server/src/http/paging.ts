import type { ControlStore, Row, StreamId } from '@headgate/control';
import { type Result, refuse } from '@headgate/control';

export const PAGE = 50;

/** A page of a kind's rows. Cursors are opaque: the last stream of the page before, in base64url. */
export async function pageOfRows(
  store: ControlStore,
  kind: string,
  page: { readonly cursor?: string; readonly limit?: number },
  parent?: StreamId,
): Promise<Result<{ readonly rows: readonly Row[]; readonly next: string | null }>> {
  const limit = page.limit ?? PAGE;
  const after = page.cursor === undefined ? undefined : Buffer.from(page.cursor, 'base64url').toString('utf8');
  if (after !== undefined && (!after.startsWith(`${kind}/`) || /\p{Cc}/u.test(after)))
    return refuse(
      'malformed',
      'list',
      'query/cursor',
      'it is not a cursor of this list',
      'take `next` of the page before',
    );
  const rows = await store.list(kind, {
    limit: limit + 1,
    ...(after === undefined ? {} : { after }),
    ...(parent === undefined ? {} : { parent }),
  });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? Buffer.from(last.stream).toString('base64url') : null;
  return { ok: true, value: { rows: shown, next } };
}

/** All rows of a kind, up to a bound; `truncated` when there are more. */
export async function allRows<S>(
  store: ControlStore,
  kind: string,
  most: number,
): Promise<{ readonly rows: readonly Row<S>[]; readonly truncated: boolean }> {
  const rows: Row[] = [];
  for (;;) {
    const after = rows.at(-1)?.stream;
    const page = await store.list(kind, { limit: 1_000, ...(after === undefined ? {} : { after }) });
    rows.push(...page);
    if (page.length < 1_000) return { rows: rows as Row<S>[], truncated: false };
    if (rows.length >= most) return { rows: rows as Row<S>[], truncated: true };
  }
}
