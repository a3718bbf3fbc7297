/** What is promised of a copy whose moment lies between two looks, on a real cluster that is written to. */
import { compareCensus } from '@headgate/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { countRows } from './count-rows.ts';
import { RowPromise } from './row-promise.ts';

let real: RealStore;
const signal = new AbortController().signal;
const connection = () => real.store.cluster.connection('app');
const query = async (sql: string) => withClient(await connection(), (client) => client.query(sql));

beforeAll(async () => {
  real = await realStore();
  await query(`create table still(id int, note text); create table busy(id int); create unlogged table lost(id int);
    create schema "An other"; create table "An other"."T able"("Co lumn" jsonb, at timestamptz default now());
    insert into still values (1, null), (2, 'two'); insert into lost values (1); insert into "An other"."T able" values ('{"a": 1}')`);
}, 60_000);
afterAll(() => real?.remove());

async function promised(meanwhile: () => Promise<unknown>) {
  const promise = new RowPromise(await connection());
  try {
    await promise.before();
    await meanwhile();
    await promise.after();
    // What comes later is nobody's.
    await query(`insert into busy values (99)`);
    return await promise.count(signal);
  } finally {
    await promise.close();
    await query('delete from busy where id = 99');
  }
}

test('where nobody writes, every table but unlogged ones is promised as it is, and that is what is found', async () => {
  const census = await promised(async () => {});
  expect(census?.tables.map(({ relation, rows, or }) => [relation, rows, or])).toEqual([
    ['"An other"."T able"', 1, undefined],
    ['public.busy', 0, undefined],
    ['public.still', 2, undefined],
  ]);
  const found = await countRows(await connection(), 'physical', signal);
  expect(compareCensus(census!, found)).toMatchObject({ differences: [], unsettled: [], rows: 3 });
  await query(`update still set note = 'zwei' where id = 2`);
  const changed = await countRows(await connection(), 'physical', signal);
  expect(compareCensus(census!, changed).differences).toEqual([
    { relation: 'public.still', kind: 'values', promised: 2, found: 2 },
  ]);
});

test('a table that was written to in that very moment is promised as before or as after, and nothing else', async () => {
  const census = await promised(() => query('insert into busy values (1), (2)'));
  const busy = census?.tables.find(({ relation }) => relation === 'public.busy');
  expect(busy).toMatchObject({ rows: 2, or: { rows: 0, sum: '0' } });
  const compared = async () => compareCensus(census!, await countRows(await connection(), 'physical', signal));
  expect(await compared()).toMatchObject({ differences: [], unsettled: [] });
  await query('delete from busy where id = 1');
  expect(await compared()).toMatchObject({ differences: [], unsettled: ['public.busy'] });
  await query('delete from busy');
  expect(await compared()).toMatchObject({ differences: [], unsettled: [] });
});

test('for a dump unlogged tables count, and materialized views, which it makes anew, do not', async () => {
  await query('create materialized view seen as select count(*) from still');
  const relations = async (which: 'physical' | 'dump') =>
    (await countRows(await connection(), which, signal)).tables.map(({ relation }) => relation);
  expect(await relations('physical')).toEqual(expect.arrayContaining(['public.seen']));
  expect(await relations('physical')).not.toContain('public.lost');
  expect(await relations('dump')).toEqual(expect.arrayContaining(['public.lost']));
  expect(await relations('dump')).not.toContain('public.seen');
});

test('without a connection nothing is promised', async () => {
  const promise = new RowPromise(undefined);
  await promise.before();
  await promise.after();
  expect(await promise.count(signal)).toBeUndefined();
  await promise.close();
});
