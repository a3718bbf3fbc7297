/** One side of a comparison: a session that sees one moment of a store, and can write nothing. */
import type { RowsSum, RowValues, SideFacts, TenantTable } from '@headgate/domain';
import type pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { controlConnection, rowsConnection, type Store } from '../store/store-session.ts';
import { THIS_DATABASE } from '../store/this-database.ts';
import { rowsClient, settle } from './rows-client.ts';
import { belongsSql, meanTenant, orderedRowsSql, sumSql } from './rows-sql.ts';

/** How long one statement may take, and wait for somebody who locks a table for himself alone. Milliseconds. */
const STATEMENT_MS = 60 * 60_000;
const LOCK_MS = 60_000;
/** Rows that are asked for at once. */
const FETCHED = 200;

export interface TenantSide {
  readonly facts: SideFacts;
  readonly client: pg.Client;
  close(): Promise<void>;
}

/** Takes hold of this moment of a store, with the application's own rights. */
export async function openSide(store: Store, value: string): Promise<TenantSide> {
  const client = rowsClient(await rowsConnection(store));
  client.on('error', () => {}); // the query's own rejection tells
  const close = (): Promise<void> => client.end().catch(() => {});
  try {
    await client.connect();
    await settle(client, { statement_timeout: STATEMENT_MS, lock_timeout: LOCK_MS });
    await meanTenant(client, value);
    await client.query('begin isolation level repeatable read, read only');
    const { rows } = await client.query<{ snapshot: string; encoding: string }>(
      `select pg_current_snapshot()::text as snapshot, current_setting('server_encoding') as encoding`,
    );
    const { snapshot, encoding } = rows[0]!;
    if (encoding !== 'UTF8')
      throw new Error(`the store ${store.name} is in ${encoding}: rows are compared in UTF8 alone`);
    return { facts: { ...(await placeOf(store)), snapshot }, client, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Which database it is, and where it stands. */
async function placeOf(store: Store): Promise<Omit<SideFacts, 'snapshot'>> {
  return withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query<{ database: string; lsn: string; at: string; recorded: boolean }>(
      `select ${THIS_DATABASE} as database, pg_current_wal_lsn()::text as lsn,
         floor(extract(epoch from clock_timestamp()) * 1000)::text as at, to_regclass('headgate.migration') is not null as recorded`,
    );
    const { database, lsn, at, recorded } = rows[0]!;
    const version = recorded
      ? await client.query<{ version: number }>(
          'select coalesce(max(version), 0)::int as version from headgate.migration',
        )
      : undefined;
    return { database, lsn, at: Number(at), schemaVersion: version?.rows[0]?.version ?? 0 };
  });
}

/** A tenant's row, with the texts that it is ordered by. */
export interface KeyedRow {
  readonly key: readonly Buffer[];
  readonly values: RowValues;
}

/** The tenant's rows of one table in the order of their keys, a few at a time. `all`: with the columns of the live side alone. */
export async function* rowsInOrder(
  client: pg.Client,
  table: TenantTable,
  byName: ReadonlyMap<string, TenantTable>,
  all: boolean,
): AsyncGenerator<KeyedRow> {
  const keys = table.key.length;
  await client.query(
    `declare headgate_rows no scroll cursor for ${orderedRowsSql(table, belongsSql(table, byName, 't'), all)}`,
  );
  try {
    for (;;) {
      const { rows } = await client.query<(string | null)[]>({
        text: `fetch ${FETCHED} from headgate_rows`,
        rowMode: 'array',
      });
      for (const row of rows)
        yield { key: row.slice(0, keys).map((each) => Buffer.from(each ?? '')), values: row.slice(keys) };
      if (rows.length < FETCHED) return;
    }
  } finally {
    await client.query('close headgate_rows').catch(() => {}); // what broke the session is told by who reads
  }
}

export interface SummedTable extends RowsSum {
  /** In the order of the table's `sums`. */
  readonly added: readonly (string | null)[];
}

/** How many rows the tenant has in a table, and what they sum up to. `others`: everybody else's instead. */
export async function sumRows(
  client: pg.ClientBase,
  table: TenantTable,
  byName: ReadonlyMap<string, TenantTable>,
  others = false,
): Promise<SummedTable> {
  const belongs = belongsSql(table, byName, 't');
  const { rows } = await client.query<Record<string, string | null>>(
    others ? sumSql(table, `(${belongs}) is not true`) : sumSql(table, belongs, table.sums),
  );
  const row = rows[0]!;
  return { rows: Number(row.rows), sum: row.sum!, added: table.sums.map((_, i) => row[`added ${i}`] ?? null) };
}
