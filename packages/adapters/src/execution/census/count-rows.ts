/** Counts and sums up the rows of all of an application's tables, as they are in one snapshot. */
import type { Census } from '@headgate/domain';
import pg from 'pg';
import { SETTINGS, TABLES } from './application-tables.ts';

/**
 * What it is counted for. A copy of the cluster's files brings no unlogged table's rows back; a dump brings them, but makes
 * materialized views anew, which may have been stale.
 */
export type Which = 'physical' | 'dump';

/** How long somebody who locks a table for himself alone is waited for, as with pg_dump. Milliseconds. */
const LOCK_MS = 60_000;

/** A session that keeps one moment of a database, and sees nothing that came after. */
export interface Moment {
  /** Which transactions it sees: two that are equal see the same. */
  readonly sees: string;
  /** For other sessions, and for pg_dump. */
  readonly snapshot: string;
  count(which: Which, signal: AbortSignal): Promise<Census>;
  close(): Promise<void>;
}

/** Takes hold of this moment. As long as it is open, PostgreSQL removes no row that it sees. */
export async function holdMoment(connection: pg.ClientConfig): Promise<Moment> {
  const client = new pg.Client({ ...connection, application_name: 'headgate census' });
  client.on('error', () => {}); // the query's own rejection tells
  await client.connect();
  const close = (): Promise<void> => client.end().catch(() => {});
  try {
    await client.query(SETTINGS);
    await client.query(`set lock_timeout = ${LOCK_MS}`);
    await client.query('begin isolation level repeatable read, read only');
    const { rows } = await client.query<{ sees: string; snapshot: string }>(
      'select pg_current_snapshot()::text as sees, pg_export_snapshot() as snapshot',
    );
    return { ...rows[0]!, count: (which, signal) => countTables(client, which, signal), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of a database that nobody writes to. */
export async function countRows(connection: pg.ClientConfig, which: Which, signal: AbortSignal): Promise<Census> {
  const moment = await holdMoment(connection);
  try {
    return await moment.count(which, signal);
  } finally {
    await moment.close();
  }
}

interface TableRow {
  readonly relation: string;
  readonly columns: readonly (string | null)[];
  readonly unlogged: boolean;
  readonly view: boolean;
}

async function countTables(client: pg.Client, which: Which, signal: AbortSignal): Promise<Census> {
  const { rows: found } = await client.query<TableRow>(TABLES);
  const tables: Census['tables'][number][] = [];
  for (const { relation, columns, unlogged, view } of found) {
    if (which === 'physical' ? unlogged : view) continue;
    signal.throwIfAborted();
    const values = columns.flatMap((column) => (column === null ? [] : [`t.${pg.escapeIdentifier(column)}`]));
    const row = values.length === 0 ? `''` : `row(${values.join(', ')})::text`;
    // A sum over rows stays the same in whatever order they are read.
    const { rows } = await client.query<{ rows: string; sum: string }>(
      `select count(*)::text as rows, coalesce(sum(hashtextextended(${row}, 0)), 0)::text as sum from only ${relation} t`,
    );
    tables.push({ relation, rows: Number(rows[0]!.rows), sum: rows[0]!.sum });
  }
  tables.sort((a, b) => (a.relation < b.relation ? -1 : 1));
  return { tables };
}
