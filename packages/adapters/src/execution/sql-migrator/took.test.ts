/** What a migration took, as its migrator tells it, against a real PostgreSQL. Times are compared with each other alone. */
import type { MigrationRef } from '@headgate/domain';
import { digestFor, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { SqlMigrator } from './sql-migrator.ts';

let real: RealStore;
let migrator: SqlMigrator;
let version = 0;
const took = new Map<string, number>();
beforeAll(async () => {
  real = await realStore();
  migrator = new SqlMigrator(new Map([['main', real.store]]));
});
afterAll(() => real?.remove());

/** Runs the next file, and says what was told of it. */
async function up(sql: string): Promise<number | undefined> {
  const migration: MigrationRef = {
    ...{ id: `m${version + 1}`, from: version, to: version + 1, phase: 'expand' as const },
    file: { name: `${version + 1}.sql`, digest: digestFor(sql), size: sql.length },
  };
  const ctx = stepContext({ fence: { epoch: 1, n: 1 }, took: (id, ms) => void took.set(id, ms) });
  const answer = await migrator.up('main', migration, sql, ctx);
  if (answer.ok) version += 1;
  return took.get(migration.id);
}

/** Runs the next file, and expects that it took no more than we waited for it: nothing of what its neighbours took is in it. */
async function alone(sql: string): Promise<void> {
  const began = performance.now();
  const ms = await up(sql);
  expect(ms).toBeGreaterThanOrEqual(0);
  expect(ms).toBeLessThanOrEqual(Math.ceil(performance.now() - began));
}

test('each migration has its own time: that which slept took its sleep, and its neighbours nothing of it', async () => {
  await alone('create table invoice(id int primary key)');
  expect(await up('select pg_sleep(0.3)')).toBeGreaterThanOrEqual(300);
  await alone('insert into invoice select generate_series(1, 10)');
});

test('what is done at its commit is the migration’s, too', async () => {
  await up(`create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return null; end $$;
    create constraint trigger slowly after update on invoice deferrable initially deferred for each row execute function slow()`);
  await alone('insert into invoice values (11)');
  expect(await up('update invoice set id = 12 where id = 11')).toBeGreaterThanOrEqual(300);
});

test('outside of a transaction it is the statement’s time; one that failed has none', async () => {
  await up('drop trigger slowly on invoice');
  const index = '-- headgate:no-transaction\ncreate unique index concurrently invoice_slow on invoice';
  expect(await up(`${index}((id / 0))`)).toBeUndefined();
  expect(await up('select 1 / 0')).toBeUndefined();
  const sleeping = `create function sleeping(int) returns int language plpgsql immutable as $$ begin perform pg_sleep(0.03); return $1; end $$`;
  await up(sleeping);
  // Each of its ten rows and more sleeps for 30 ms.
  expect(await up(`${index}(sleeping(id))`)).toBeGreaterThanOrEqual(300);
});

test('waiting before it begins isn’t its own', async () => {
  const { cluster, database } = real.store;
  await withClient(await cluster.connection(database), async (holder) => {
    await holder.query('begin; select 1 from headgate.fence for update');
    const began = performance.now();
    const waiting = up('select 1');
    const blocked = 'select 1 from pg_locks where not granted';
    await expect.poll(async () => (await holder.query(blocked)).rowCount).toBeGreaterThan(0);
    await holder.query('select pg_sleep(0.3)');
    await holder.query('commit');
    const took = await waiting;
    expect(took).toBeLessThanOrEqual(performance.now() - began - 300);
  });
});
