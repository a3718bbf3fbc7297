import pg from 'pg';

/**
 * How columns become values. bigint holds cents and ids: as text it would compare wrongly, as a number it could lose a
 * cent. A date has no time zone, and the driver's Date object would invent one. Ours alone: others in a process that
 * imports this may want theirs.
 */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === pg.types.builtins.INT8) return BigInt;
    if (oid === pg.types.builtins.DATE) return String;
    return pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

export type Row = Record<string, unknown>;

/** What the system's code needs of a connection, whether it is in a transaction or not. */
export interface Database {
  query<R extends Row = Row>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: R[]; rowCount: number | null }>;
}

/** Opens a bounded pool. Connections that sit in a transaction for 10 s are given up by the server. */
export function openPool(databaseUrl: string, name: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: name,
    types: TYPES,
    max,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 4_000,
    keepAlive: true,
    idle_in_transaction_session_timeout: 10_000,
    statement_timeout: 10_000,
  });
  // An idle connection that the server closed is replaced on the next use; without a listener it would end the process.
  pool.on('error', () => {});
  return pool;
}

/** Runs `work` in one transaction and commits it, or rolls it back when `work` throws. */
export async function inTransaction<T>(pool: pg.Pool, work: (database: Database) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool listens only to idle connections: one that breaks between two statements would end the process.
  const onBroken = (error: Error): void => {
    broken = error;
  };
  client.on('error', onBroken);
  try {
    await client.query('BEGIN');
    const result = await work(client as unknown as Database);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off('error', onBroken);
    client.release(broken);
  }
}
