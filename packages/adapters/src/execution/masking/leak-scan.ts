/** Looks whether original values are left anywhere: by their digests, which were put aside before. */
import type { MaskCatalogue } from '@headgate/domain/masking/catalogue';
import { type Leak, leakSearches } from '@headgate/domain/masking/leaks';
import type pg from 'pg';
import type { MaskKeys } from './mask-keys.ts';
import { pagesOf } from './mask-tables.ts';
import { type Job, shareWork } from './share-work.ts';

/** Pages of one range: each of them builds a table of all digests, so they are large. */
const RANGE_PAGES = 32_768;

export interface LeakScan {
  /** Original values that were looked for. */
  readonly originals: number;
  /** Values that can't be told from another one's mask, and were left out. */
  readonly ambiguous: number;
  readonly tables: number;
  readonly columns: number;
  readonly found: readonly Omit<Leak, 'because'>[];
}

/** Looks through every column in which texts can stand. No value is read out of the database, only counts. */
export async function scanForLeaks(
  clients: readonly pg.Client[],
  catalogue: MaskCatalogue,
  keys: MaskKeys,
): Promise<LeakScan> {
  const [first] = clients as [pg.Client];
  const ambiguous = await first.query(
    `delete from headgate_copy.original o using headgate_copy.original other
     where other.mask = o.digest and other.digest <> o.digest`,
  );
  const { rows } = await first.query<{ n: string }>('select count(distinct digest) as n from headgate_copy.original');
  const searches = leakSearches(catalogue);
  const found = new Map<string, { table: string; column: string; rows: number }>();
  const jobs = searches.map((search): Job => async (client) => {
    const pages = await pagesOf(client, search.table);
    const ranges = Array.from({ length: Math.ceil(pages / RANGE_PAGES) }, (_, i) => i * RANGE_PAGES);
    return ranges.map((from): Job => async (worker) => {
      const ends = [`(${from},0)`, `(${from + RANGE_PAGES},0)`];
      const answer = await worker.query<{ column_name: string; rows: string }>(search.sql, [...ends, keys.seed()]);
      for (const { column_name: column, rows: count } of answer.rows) {
        const place = `${search.table}.${column}`;
        const before = found.get(place)?.rows ?? 0;
        found.set(place, { table: search.table, column, rows: before + Number(count) });
      }
      return [];
    });
  });
  await shareWork(clients, jobs);
  return {
    originals: Number(rows[0]?.n ?? 0),
    ambiguous: ambiguous.rowCount ?? 0,
    tables: searches.length,
    columns: searches.reduce((sum, { columns }) => sum + columns.length, 0),
    found: [...found.values()].sort((a, b) => (`${a.table}.${a.column}` < `${b.table}.${b.column}` ? -1 : 1)),
  };
}
