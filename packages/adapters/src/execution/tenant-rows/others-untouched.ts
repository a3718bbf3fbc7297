/** Proof that nobody else's rows change in a transaction: sums over them before and after, and what the server counted as written. */
import type { TableDifference, TenantTable } from '@headgate/domain';
import type pg from 'pg';
import { tableSql } from './rows-sql.ts';
import { sumRows } from './tenant-side.ts';

/** Tables above this aren't summed up while everybody waits: the count of what was written has to do. Bytes. */
const SUMMED_BYTES = 2 * 1024 ** 3;

export interface OthersBefore {
  /** Sums by table; of those that are summed. */
  readonly sums: ReadonlyMap<string, string>;
  readonly counted: readonly string[];
  readonly written: Written;
}

/** To be called under the lock, before anything is written. */
export async function lookAtOthers(
  client: pg.Client,
  tables: readonly TableDifference[],
  summedBytes = SUMMED_BYTES,
): Promise<OthersBefore> {
  const byName = new Map(tables.map((table) => [table.table, table]));
  const sums = new Map<string, string>();
  const counted: string[] = [];
  // Of a table in the tenant's schema nobody else has a row.
  for (const table of tables)
    if (table.belongs.rows === 'schema') continue;
    else if ((await bytesOf(client, table)) > summedBytes) counted.push(table.table);
    else sums.set(table.table, await sumOf(client, table, byName));
  return { sums, counted, written: await writtenSoFar(client) };
}

/** What the server had counted as written before the first try to write the rows, and before the one that did. */
export interface Tries {
  readonly first: Written;
  readonly last: Written;
}

/** Rows inserted, updated and deleted, by table. */
export type Written = ReadonlyMap<string, readonly number[]>;

/** What was written that shouldn't have been, in words; undefined: nothing. */
export async function othersTouched(
  client: pg.Client,
  tables: readonly TableDifference[],
  before: OthersBefore,
  { first, last }: Tries,
): Promise<string | undefined> {
  const byName = new Map(tables.map((table) => [table.table, table]));
  for (const [name, sum] of before.sums)
    if ((await sumOf(client, byName.get(name)!, byName)) !== sum)
      return `rows of ${name} that are somebody else’s changed, too`;
  const planned = new Map(tables.map(({ table, back, changed, away }) => [table, [back, changed, away]]));
  const strange = unplanned(before.written, first, new Map()) ?? unplanned(last, await writtenSoFar(client), planned);
  if (strange !== undefined) return `other rows of ${strange} than were planned were written`;
  const elsewhere = await heldElsewhere(client, tables);
  return elsewhere && `${elsewhere} is held against everybody, as if it were to be emptied or altered`;
}

/** What isn't the tenant's, and was truncated or altered in this transaction: whoever does holds it until the end. */
async function heldElsewhere(client: pg.Client, tables: readonly TenantTable[]): Promise<string | undefined> {
  const own = tables.map(({ table }) => table);
  const schemas = tables.flatMap(({ table, belongs }) =>
    belongs.rows === 'schema' ? [table.slice(0, table.indexOf('.'))] : [],
  );
  const { rows } = await client.query<{ name: string }>(
    `select n.nspname || '.' || c.relname as name
     from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
     where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted
       and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
       and c.relkind in ('r', 'p', 'f', 'm', 'v', 'S') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
       and n.nspname || '.' || c.relname <> all($1::text[]) and not (c.relkind = 'S' and n.nspname = any($2::text[]))
     order by 1 limit 1`,
    [own, [...new Set(schemas)]],
  );
  return rows[0]?.name;
}

/** A table of which other rows were written in between than were planned. */
function unplanned(from: Written, to: Written, planned: Written): string | undefined {
  const nothing = [0, 0, 0];
  return [...new Set([...to.keys(), ...planned.keys()])].find((name) => {
    const [had, has, wants] = [from, to, planned].map((each) => each.get(name) ?? nothing);
    return wants!.some((rows, i) => has![i]! - had![i]! !== rows);
  });
}

async function sumOf(client: pg.Client, table: TenantTable, byName: ReadonlyMap<string, TenantTable>): Promise<string> {
  const { rows, sum } = await sumRows(client, table, byName, true);
  return `${rows} ${sum}`;
}

async function bytesOf(client: pg.Client, { table }: TenantTable): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>('select pg_table_size($1::regclass)::text as bytes', [
    tableSql(table),
  ]);
  return Number(rows[0]!.bytes);
}

/** In this transaction, with foreign keys' own work, and with what was rolled back to a savepoint. */
export async function writtenSoFar(client: pg.Client): Promise<Written> {
  const { rows } = await client.query<{ name: string; inserted: string; updated: string; deleted: string }>(
    `select schemaname || '.' || relname as name, n_tup_ins as inserted, n_tup_upd as updated, n_tup_del as deleted
     from pg_stat_xact_user_tables where schemaname !~ '^pg_'`,
  );
  return new Map(rows.map(({ name, inserted, updated, deleted }) => [name, [inserted, updated, deleted].map(Number)]));
}
