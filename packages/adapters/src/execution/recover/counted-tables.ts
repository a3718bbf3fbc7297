/** All tables of a database, counted and summed up. */
import pg from 'pg';
import { TABLES } from '../census/application-tables.ts';

export interface Counted {
  readonly columns: readonly string[];
  readonly rows: number;
  readonly sum: string;
}

export interface CountedTables {
  readonly tables: ReadonlyMap<string, Counted>;
  /** No copy of a cluster's files brings back what its log never had. */
  readonly unlogged: ReadonlyMap<string, Counted>;
}

export async function countedIn(client: pg.Client, signal: AbortSignal): Promise<CountedTables> {
  const { rows: found } = await client.query<{
    relation: string;
    columns: readonly (string | null)[];
    unlogged: boolean;
  }>(TABLES);
  const [tables, unlogged] = [new Map<string, Counted>(), new Map<string, Counted>()];
  for (const { relation, columns: all, unlogged: is } of found) {
    signal.throwIfAborted();
    const columns = all.filter((column) => column !== null);
    const { rows } = await client.query<{ rows: string; sum: string }>(
      `select count(*)::text as rows, coalesce(sum(${hashed(columns)}), 0)::text as sum from only ${relation} t`,
    );
    (is ? unlogged : tables).set(relation, { columns, rows: Number(rows[0]!.rows), sum: rows[0]!.sum });
  }
  return { tables, unlogged };
}

/** As a census hashes a row. */
export function hashed(columns: readonly string[]): string {
  const values = columns.map((column) => `t.${pg.escapeIdentifier(column)}`);
  return `hashtextextended(${values.length === 0 ? `''` : `row(${values.join(', ')})::text`}, 0)`;
}
