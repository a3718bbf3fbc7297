import { createHash } from 'node:crypto';
import type { MigrationRef } from '@headgate/domain';
import { migratorSuite } from '@headgate/testkit/execution/migrator-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { SqlMigrator } from './sql-migrator.ts';

let real: RealStore;
let migrator: SqlMigrator;
beforeAll(async () => {
  real = await realStore();
  migrator = new SqlMigrator(new Map([['main', real.store]]));
});
afterAll(() => real?.remove());

function migration(from: number, sql: string): MigrationRef {
  const digest = `sha256:${createHash('sha256').update(sql).digest('hex')}` as const;
  return {
    id: `m${from + 1}`,
    from,
    to: from + 1,
    phase: 'expand',
    file: { name: `${from + 1}.up.sql`, digest, size: sql.length },
  };
}
const query = (sql: string, params: unknown[] = []) =>
  real.store.cluster.connection('app').then((c) => withClient(c, (client) => client.query(sql, params)));
const versions = async () => (await query('select version, id from headgate.migration order by 1')).rows;

const ONE = `create table invoice(id int primary key, total numeric(12,2)); insert into invoice values (1, 10.00);`;
const TWO = `alter table invoice add column posted boolean not null default false;`;

test('a file runs once, in one transaction with its record, as the owner of the tables', async () => {
  expect(await migrator.version('main')).toBe(0);
  const ctx = stepContext({ fence: { epoch: 1, n: 1 } });
  expect(await migrator.up('main', migration(0, ONE), ONE, ctx)).toEqual({ ok: true, value: { version: 1 } });
  expect(await migrator.up('main', migration(0, ONE), ONE, ctx)).toEqual({ ok: true, value: { version: 1 } });
  expect(await versions()).toEqual([{ version: 1, id: 'm1' }]);
  const { rows } = await query(`select tableowner from pg_tables where tablename = 'invoice'`);
  expect(rows).toEqual([{ tableowner: 'app' }]);
});

test('another file for a version that is there, and a version that is skipped, are rejected', async () => {
  const other = `${ONE} -- changed`;
  expect(
    await migrator.up('main', migration(0, other), other, stepContext({ fence: { epoch: 1, n: 2 } })),
  ).toMatchObject({ ok: false, code: 'rejected' });
  expect(await migrator.up('main', migration(2, TWO), TWO, stepContext({ fence: { epoch: 1, n: 2 } }))).toMatchObject({
    ok: false,
    code: 'rejected',
    why: expect.stringContaining('is at version 1'),
  });
});

test('a lower fence is refused by the store and changes nothing', async () => {
  expect(await migrator.up('main', migration(1, TWO), TWO, stepContext({ fence: { epoch: 0, n: 99 } }))).toMatchObject({
    ok: false,
    code: 'fenced',
  });
  expect(await migrator.version('main')).toBe(1);
});

test('a file that fails leaves nothing behind and says why without customers’ data', async () => {
  const bad = `create table half(x int); insert into invoice values (1, 5.00);`;
  const answer = await migrator.up('main', migration(1, bad), bad, stepContext({ fence: { epoch: 1, n: 3 } }));
  expect(answer).toEqual({
    ok: false,
    code: 'rejected',
    why: 'PostgreSQL refused it (23505): on invoice.invoice_pkey',
  });
  expect((await query(`select to_regclass('half') as there`)).rows).toEqual([{ there: null }]);
  const wrong = 'alter table invoce add column x int';
  expect(
    await migrator.up('main', migration(1, wrong), wrong, stepContext({ fence: { epoch: 1, n: 3 } })),
  ).toMatchObject({ why: expect.stringContaining('"invoce" does not exist') });
});

test('a lock that is not had in time is given up, and two migrators do not meet', async () => {
  await withClient(await real.store.cluster.connection('app'), async (client) => {
    await client.query('begin; lock table invoice in access share mode;');
    const first = migrator.up('main', migration(1, TWO), TWO, stepContext({ fence: { epoch: 1, n: 4 } }));
    await expect
      .poll(
        async () =>
          (await query(`select count(*)::int as n from pg_locks where locktype = 'advisory' and granted`)).rows[0].n,
        { interval: 10 },
      )
      .toBe(1);
    expect(await migrator.up('main', migration(1, TWO), TWO, stepContext({ fence: { epoch: 1, n: 4 } }))).toMatchObject(
      { ok: false, code: 'transient' },
    );
    expect(await first).toMatchObject({ ok: false, code: 'transient', why: expect.stringContaining('55P03') });
  });
});

test('time that runs out ends the statement in the server', async () => {
  const slow = 'select pg_sleep(30)';
  const answer = await migrator.up(
    'main',
    migration(1, slow),
    slow,
    stepContext({ fence: { epoch: 1, n: 5 }, remainingMs: () => 300 }),
  );
  expect(answer).toMatchObject({ ok: false, code: 'expired' });
});

test('up and down meet again where they began', async () => {
  const ctx = stepContext({ fence: { epoch: 1, n: 6 } });
  expect(await migrator.up('main', migration(1, TWO), TWO, ctx)).toEqual({ ok: true, value: { version: 2 } });
  const down = 'alter table invoice drop column posted';
  const back = {
    ...migration(1, down),
    up: migration(1, TWO).file,
    file: { name: '2.down.sql', digest: migration(1, down).file.digest, size: down.length },
  };
  expect(await migrator.down('main', back, down, ctx)).toEqual({ ok: true, value: { version: 1 } });
  expect(await migrator.down('main', back, down, ctx)).toEqual({ ok: true, value: { version: 1 } });
  expect(await versions()).toEqual([{ version: 1, id: 'm1' }]);
});

test('the application can not write our tables', async () => {
  await expect(query(`set role app; delete from headgate.fence`)).rejects.toThrow(/permission denied/);
  await query(`set role app; select * from headgate.route`);
});

let another: RealStore;
afterAll(() => another?.remove());
migratorSuite('SQL files on PostgreSQL', async () => {
  another = await realStore();
  return {
    migrator: new SqlMigrator(new Map([['main', another.store]])),
    store: 'main',
    up: [ONE, TWO],
    down: 'alter table invoice drop column posted',
  };
});
