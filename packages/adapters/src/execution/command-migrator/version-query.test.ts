import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { ownersConnection } from '../store/store-session.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { inWords } from './judge.ts';
import { askVersion } from './version-query.ts';

let at: RealStore;
beforeAll(async () => {
  at = await realStore();
});
afterAll(() => at?.remove());

const asApplication = async (sql: string): Promise<pg.QueryResult> =>
  withClient(await ownersConnection(at.store), (client) => client.query(sql));

test('a query that catches its own end is ended from another session, and told in words', async () => {
  await asApplication(`create function public.on_and_on() returns text language plpgsql as $$ begin
    loop begin perform pg_sleep(1000); exception when query_canceled then null; end; end loop; end $$;
    create view public.version as select public.on_and_on() as name`);
  expect(await askVersion(at.store, 'select name from public.version')).toEqual({
    kind: 'unclear',
    why: "the version query failed: the database app: it didn't answer within 15 s, and its session was ended",
  });
  const { cluster } = at.store;
  const left = async () =>
    withClient(await cluster.connection(), async (client) => {
      const { rowCount } = await client.query(
        `select from pg_stat_activity where query like '%public.version%' and pid <> pg_backend_pid()`,
      );
      return rowCount;
    });
  await expect.poll(left, { timeout: 5_000 }).toBe(0);
}, 40_000);

test('what a query says beside its answer is bounded, however long it is', async () => {
  await asApplication(`create function public.shout() returns text language plpgsql as $$ begin
    raise exception '%', repeat('x', 5000000) using errcode = '42000'; end $$`);
  expect(await askVersion(at.store, 'select public.shout()')).toMatchObject({
    kind: 'unclear',
    why: expect.stringContaining('more than 1048576 bytes'),
  });
}, 40_000);

test('a query changes nothing, also when a function of it asks to write', async () => {
  await asApplication(`create table public.t(x int);
    create function public.w() returns text language plpgsql as $$ begin
      perform set_config('transaction_read_only', 'off', true); insert into public.t values (1); return 'v'; end $$`);
  expect(await askVersion(at.store, 'select public.w()')).toMatchObject({ kind: 'unclear' });
  expect((await asApplication('select from public.t')).rowCount).toBe(0);
});

test('an answer is told as plain text, wherever it is cut', () => {
  expect(inWords(`${'x'.repeat(79)}😀`)).toBe(`"${'x'.repeat(79)}\ufffd"`);
  expect(inWords('1\u001b[2J\n2')).toBe('"1\ufffd[2J\ufffd2"');
});
