/** Looks whether original values are left anywhere: digests of them are put aside before, and compared with every text after. */
import type { MaskCatalogue } from '@headgate/domain/masking/catalogue';
import { IN_DEFINITION, IN_STATISTICS, type Leak, leakSearches, unreadColumns } from '@headgate/domain/masking/leaks';
import { type KeptOriginal, Originals } from '@headgate/domain/masking/originals';
import type { MaskingPlan } from '@headgate/domain/masking/plan';
import type pg from 'pg';
import { definedTexts, largeObjects } from './defined-texts.ts';
import type { MaskKeys } from './mask-keys.ts';
import { keysOf, pagesOf } from './mask-tables.ts';
import { inTransaction, setPhase } from './run-record.ts';
import { type Job, shareWork } from './share-work.ts';

/** Pages of one range: what a session reads at once is in memory twice. */
const RANGE_PAGES = 256;

/** Digests that are written with one statement. */
const AT_ONCE = 50_000;

export interface LeakScan {
  /** Different original values that were looked for. */
  readonly originals: number;
  /** Values that can't be told from another one's mask, and were left out. */
  readonly ambiguous: number;
  readonly tables: number;
  readonly columns: number;
  readonly found: readonly Omit<Leak, 'because'>[];
  /** What nobody looked through: columns of bytes, tables on other servers, and how many large objects. */
  readonly unread: { readonly columns: readonly string[]; readonly largeObjects: number };
}

/**
 * Reads all that identifies somebody and puts the digests into the copy, where they outlive a kill; then what stands in
 * the way of emptying tables is dropped. One transaction: before it nothing has changed.
 */
export async function collectOriginals(
  clients: readonly pg.Client[],
  plan: MaskingPlan,
  keys: MaskKeys,
): Promise<void> {
  const [first] = clients as [pg.Client];
  const originals = new Originals(keys.seed());
  const masks = new Originals(keys.seed());
  const jobs = plan.tables.flatMap((table) =>
    table.collect.map(
      (each): Job =>
        async (client) => {
          const given = keysOf(each, keys);
          return rangesOf(await pagesOf(client, table.own)).map(
            ([from, to]): Job =>
              async (worker) => {
                const { rows } = await worker.query<[string, string | null]>({
                  text: each.sql,
                  values: [from, to, ...given],
                  rowMode: 'array',
                });
                for (const [value, mask] of rows) {
                  const own = originals.digests(value);
                  for (const digest of own) originals.add(digest);
                  // A mask that is its own original would be one that masks nothing: that is still looked for.
                  for (const other of mask === null ? [] : masks.digests(mask))
                    if (!own.some(({ low, high }) => other.low === low && other.high === high)) masks.add(other);
                }
                return [];
              },
          );
        },
    ),
  );
  await shareWork(clients, jobs);
  let ambiguous = 0;
  for (const mask of masks.all()) if (originals.drop(mask)) ambiguous++;
  await inTransaction(first, async () => {
    let some: KeptOriginal[] = [];
    const write = async (): Promise<void> => {
      const columns = (['low', 'high', 'words', 'first'] as const).map((field) => some.map((each) => each[field]));
      const sql =
        'insert into headgate_copy.original select * from unnest($1::int8[], $2::int8[], $3::int4[], $4::int8[])';
      await first.query(sql, columns);
      some = [];
    };
    for (const each of originals.all()) {
      some.push(each);
      if (some.length === AT_ONCE) await write();
    }
    await write();
    await first.query('insert into headgate_copy.originals (ambiguous) values ($1)', [ambiguous]);
    for (const { drop } of plan.foreignKeys) await first.query(drop);
    await setPhase(first, 'mask');
  });
}

/** Looks through every column in which texts or long numbers can stand, the server's statistics of them, and what all is defined by. */
export async function scanForLeaks(
  clients: readonly pg.Client[],
  catalogue: MaskCatalogue,
  keys: MaskKeys,
): Promise<LeakScan> {
  const [first] = clients as [pg.Client];
  const originals = await readOriginals(first, keys);
  const { rows: told } = await first.query<{ ambiguous: string }>('select ambiguous from headgate_copy.originals');
  const searches = leakSearches(catalogue);
  const found = new Map<string, { table: string; column: string; rows: number }>();
  const jobs = searches.map(
    (search): Job =>
      async (client) =>
        rangesOf(await pagesOf(client, search.own)).map(
          ([from, to]): Job =>
            async (worker) => {
              const { rows } = await worker.query<(string | null)[]>({
                text: search.sql,
                values: [from, to],
                rowMode: 'array',
              });
              for (const row of rows)
                for (const [i, text] of row.entries()) {
                  if (text === null || !originals.isIn(text)) continue;
                  const column = search.columns[i] as string;
                  const place = `${search.table}.${column}`;
                  found.set(place, { table: search.table, column, rows: (found.get(place)?.rows ?? 0) + 1 });
                }
              return [];
            },
        ),
  );
  await shareWork(clients, jobs);
  for (const [table, column, values] of await statistics(first)) {
    // Where the column itself holds originals, its statistics do: that is no second place.
    const rows = found.has(`${table}.${column}`) ? 0 : values.filter((value) => originals.isIn(value)).length;
    if (rows > 0) found.set(`${table}.${column} `, { table, column: `${column}${IN_STATISTICS}`, rows });
  }
  for (const { table, part, said } of await definedTexts(first))
    if (originals.isIn(said)) found.set(`${table}.${part}  `, { table, column: `${part}${IN_DEFINITION}`, rows: 1 });
  return {
    originals: originals.count,
    ambiguous: Number(told[0]?.ambiguous ?? 0),
    tables: searches.length,
    columns: searches.reduce((sum, { columns }) => sum + columns.length, 0),
    unread: { columns: unreadColumns(catalogue), largeObjects: await largeObjects(first) },
    found: [...found.values()].sort((a, b) => (`${a.table}.${a.column}` < `${b.table}.${b.column}` ? -1 : 1)),
  };
}

/** Values that the server keeps of columns to plan queries with: of tables, partitioned ones and materialized views. */
async function statistics(client: pg.Client): Promise<readonly (readonly [string, string, readonly string[]])[]> {
  const { rows } = await client.query<[string, string, string[]]>({
    text: `select schemaname || '.' || tablename, attname::text,
             coalesce(most_common_vals::text::text[], '{}') || coalesce(histogram_bounds::text::text[], '{}') || coalesce(most_common_elems::text::text[], '{}')
           from pg_stats where schemaname !~ '^pg_' and schemaname not in ('information_schema', 'headgate_copy')
           union all
           select schemaname || '.' || tablename, statistics_name::text, array(select value from unnest(most_common_vals) as value where value is not null)
           from pg_stats_ext where schemaname !~ '^pg_' and schemaname not in ('information_schema', 'headgate_copy')
           union all
           select schemaname || '.' || tablename, statistics_name::text,
             coalesce(most_common_vals::text::text[], '{}') || coalesce(histogram_bounds::text::text[], '{}') || coalesce(most_common_elems::text::text[], '{}')
           from pg_stats_ext_exprs where schemaname !~ '^pg_' and schemaname not in ('information_schema', 'headgate_copy')`,
    rowMode: 'array',
  });
  return rows;
}

async function readOriginals(client: pg.Client, keys: MaskKeys): Promise<Originals> {
  const originals = new Originals(keys.seed());
  for (const [from, to] of rangesOf(await pagesOf(client, 'headgate_copy.original'))) {
    const { rows } = await client.query<[string, string, number, string]>({
      text: 'select low, high, words, first from headgate_copy.original where ctid >= $1::tid and ctid < $2::tid',
      values: [from, to],
      rowMode: 'array',
    });
    for (const [low, high, words, start] of rows)
      originals.add({ low: Number(low), high: Number(high), words, first: Number(start) });
  }
  return originals;
}

function rangesOf(pages: number): readonly (readonly [string, string])[] {
  return Array.from({ length: Math.ceil(pages / RANGE_PAGES) }, (_, i) => [
    `(${i * RANGE_PAGES},0)`,
    `(${(i + 1) * RANGE_PAGES},0)`,
  ]);
}
