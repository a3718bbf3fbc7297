import { type RealStore, realStore } from '@headgate/adapters/execution/testing/real-store';
import { databaseUrl, passwordFileOf, withClient } from '@headgate/adapters/postgres-cluster/index';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction, openPool } from './core/database.ts';

let real: RealStore;
beforeAll(async () => {
  real = await realStore();
});
afterAll(() => real?.remove());

test('a session that ends between two statements ends its transaction, not the process; the next one gets another', async () => {
  const { cluster, database, user } = real.store;
  const login = { database, user, passwordFile: passwordFileOf(cluster, user) };
  const pool = openPool(await databaseUrl(cluster.config.port, login), 'test', 1);
  try {
    const asked = inTransaction(pool, async (session) => {
      const { rows } = await session.query<{ pid: number } & Record<string, unknown>>('SELECT pg_backend_pid() AS pid');
      await withClient(await cluster.connection(), (superuser) =>
        superuser.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid]),
      );
      // Time for the news of it to arrive while nobody waits for an answer.
      await new Promise((done) => setTimeout(done, 100));
      return session.query('SELECT 1');
    });
    await expect(asked).rejects.toThrow();
    const { rows } = await inTransaction(pool, (session) => session.query('SELECT 1 AS one'));
    expect(rows).toEqual([{ one: 1 }]);
  } finally {
    await pool.end();
  }
});
