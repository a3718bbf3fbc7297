/** On a real pool: what people ask for waits for a lock, forty times over, and the control plane goes on. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { type Guest, onBehalfOf } from './guests.ts';
import { Sessions } from './sessions.ts';

const LOCK = 'select pg_advisory_xact_lock($1)';

let database: TestDatabase;
let sessions: Sessions;
let holder: pg.Client;
beforeAll(async () => {
  database = await embeddedDatabase(18);
  sessions = new Sessions({ databaseUrl: database.databaseUrl, poolSize: 16 });
  holder = new pg.Client({ connectionString: database.adminUrl });
  await holder.connect();
}, 60_000);
afterAll(async () => {
  await sessions?.close();
  await holder?.end();
  await database?.close();
});

const waiting = async () => {
  const { rows } = await holder.query<{ n: number }>(
    `select count(*)::integer as n from pg_locks where locktype = 'advisory' and not granted`,
  );
  return rows[0]?.n as number;
};
const blocked = (guest: Guest, count: number) =>
  Array.from({ length: count }, () => onBehalfOf(guest, () => sessions.query(LOCK, [7])));

test('people and agents have their share of the sessions, and the control plane its own', async () => {
  await holder.query('select pg_advisory_lock(7)');
  const people = blocked({ kind: 'people', id: 'usr_1' }, 40);
  const agents = blocked({ kind: 'agents', id: 'agt_1' }, 40);
  while ((await waiting()) < 11) await new Promise((resolve) => setTimeout(resolve, 5));
  // Five sessions are left, and nobody of the eighty takes one.
  for (let i = 0; i < 20; i++) {
    const { rows } = await sessions.query<{ one: number }>('select 1 as one');
    expect(rows).toEqual([{ one: 1 }]);
  }
  expect(await waiting()).toBe(11);
  await holder.query('select pg_advisory_unlock(7)');
  expect(await Promise.all([...people, ...agents])).toHaveLength(80);
});

test('one who asks forty times delays nobody else of theirs', async () => {
  await holder.query('select pg_advisory_lock(7)');
  const order: string[] = [];
  const say = (id: string) => (each: Promise<unknown>) => each.then(() => order.push(id));
  const loud = blocked({ kind: 'people', id: 'usr_loud' }, 40).map(say('loud'));
  const calm = blocked({ kind: 'people', id: 'usr_calm' }, 1).map(say('calm'));
  while ((await waiting()) < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  await holder.query('select pg_advisory_unlock(7)');
  await Promise.all([...loud, ...calm]);
  expect(order.indexOf('calm')).toBeLessThan(12);
});
