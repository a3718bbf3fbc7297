/** What would be lost is counted row by row: two databases of a real cluster, which stand for now and then. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { compareStores, lookAtStore, onlyInOne } from './compare-stores.ts';

const signal = new AbortController().signal;
let real: RealStore;
beforeAll(async () => {
  real = await realStore();
  await on('postgres', 'create database earlier');
  for (const database of ['app', 'earlier'])
    await on(
      database,
      `create table invoice(id int, total numeric); insert into invoice values (1, 10), (2, 20), (2, 20), (3, null);
       create table rate(code text primary key); insert into rate values ('EUR')`,
    );
}, 60_000);
afterAll(() => real?.remove());

const on = async (database: string, sql: string): Promise<void> =>
  withClient(await real.store.cluster.connection(database), async (client) => void (await client.query(sql)));
const of = (database: string) => ({ cluster: real.store.cluster, database, user: 'app' });
const compared = async () => (await compareStores(of('app'), of('earlier'), signal)).tables;

test('two that are the same differ in no table, and have one census', async () => {
  expect(await compared()).toEqual([]);
  expect((await lookAtStore(of('app'), signal)).census).toBe((await lookAtStore(of('earlier'), signal)).census);
});

test('sabotage: each row that is otherwise turns the count, also where there are as many as before', async () => {
  const invoice = { table: 'public.invoice', lostColumns: [], backColumns: [] };
  await on('app', 'update invoice set total = 11 where id = 1');
  expect(await compared()).toEqual([{ ...invoice, rowsNow: 4, rowsThen: 4, lost: 1, back: 1 }]);
  await on('app', 'update invoice set total = 10 where id = 1; update invoice set total = 0 where id = 3');
  expect(await compared()).toEqual([{ ...invoice, rowsNow: 4, rowsThen: 4, lost: 1, back: 1 }]);
  // One of two that are the same, and one that is new in its place.
  await on(
    'app',
    `update invoice set total = null where id = 3;
    delete from invoice where ctid = (select min(ctid) from invoice where id = 2); insert into invoice values (4, 1)`,
  );
  expect(await compared()).toEqual([{ ...invoice, rowsNow: 4, rowsThen: 4, lost: 1, back: 1 }]);
  await on('app', 'delete from invoice where id = 4; insert into invoice values (2, 20)');
  expect(await compared()).toEqual([]);
});

test('a table and a column of now go away with all that is in them, and those of then come back', async () => {
  await on(
    'app',
    `create table note(t text); insert into note values ('a'), ('b'); alter table rate add column of numeric default 1`,
  );
  await on('earlier', `create table old(t text); insert into old values ('c')`);
  const none = { lostColumns: [], backColumns: [] };
  expect(await compared()).toEqual([
    { table: 'public.note', rowsNow: 2, lost: 2, back: 0, ...none },
    { table: 'public.old', rowsThen: 1, lost: 0, back: 1, ...none },
    { table: 'public.rate', rowsNow: 1, rowsThen: 1, lost: 0, back: 0, lostColumns: ['of'], backColumns: [] },
  ]);
});

test('of any two lists in order it is counted what only one of them has, as often as it has it', async () => {
  const list = fc
    .array(fc.bigInt({ min: -3n, max: 3n }))
    .map((all) => all.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  async function* each(all: readonly bigint[]): AsyncGenerator<bigint> {
    yield* all;
  }
  const without = (a: readonly bigint[], b: readonly bigint[]): number => {
    const rest = [...b];
    return a.filter((x) => !rest.includes(x) || rest.splice(rest.indexOf(x), 1).length === 0).length;
  };
  await fc.assert(
    fc.asyncProperty(list, list, async (a, b) => {
      expect(await onlyInOne(each(a), each(b))).toEqual({ left: without(a, b), right: without(b, a) });
    }),
  );
});
