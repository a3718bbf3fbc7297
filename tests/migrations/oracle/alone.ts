/** Statements that no transaction takes, seen from a second session while they wait for a third. */
import type { LockMode } from '@headgate/migrations';
import type { OracleDatabase } from './database.ts';
import { locksOf } from './trace.ts';

const DEADLINE_MS = 20_000;

/** The lock that a statement holds, or waits for, on a table while somebody else writes to it. */
export async function lockAlone(database: OracleDatabase, table: string, sql: string): Promise<LockMode | undefined> {
  const writer = await database.connect();
  const runner = await database.connect();
  try {
    await writer.query(`begin; lock table ${table} in row exclusive mode`);
    const [{ pid }] = (await runner.query('select pg_backend_pid() as pid')).rows;
    const [{ oid }] = (await writer.query('select $1::regclass::oid::text as oid', [table])).rows;
    let ended = false;
    const running = runner.query(sql).finally(() => {
      ended = true;
    });
    running.catch(() => {});
    let seen: LockMode | undefined;
    for (const until = performance.now() + DEADLINE_MS; !ended && performance.now() < until; ) {
      seen = (await locksOf(database.client, pid)).get(oid);
      // It holds what it has taken first until it has waited for the writer.
      if (seen !== undefined && seen !== 'ACCESS SHARE') break;
    }
    await writer.query('commit');
    await running;
    return seen;
  } finally {
    await writer.end();
    await runner.end();
  }
}
