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
  // Nobody loses patience here, however slow the machine is: who has a turn is what is looked at.
  const patient = { connectMs: 60_000, statementMs: 60_000 };
  sessions = new Sessions({ databaseUrl: database.databaseUrl, poolSize: 16, ...patient });
  holder = new pg.Client({ connectionString: database.adminUrl });
  await holder.connect();
}, 60_000);
afterAll(async () => {
  await sessions?.close();
  await holder?.end();
  await database?.close();
});

/** Which locks are waited for, once for each who waits. */
const waited = async () => {
  const { rows } = await holder.query<{ lock: number }>(
    `select objid::integer as lock from pg_locks where locktype = 'advisory' and not granted`,
  );
  return rows.map(({ lock }) => lock);
};
const waiting = async () => (await waited()).length;
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
  // Each request waits for a lock of its own, so that it is ended here, one by one: who of several gets one lock first is
  // for the machine to say.
  const locks = Array.from({ length: 40 }, (_, i) => 100 + i);
  for (const lock of locks) await holder.query('select pg_advisory_lock($1)', [lock]);
  const asks = (id: string, lock: number) => onBehalfOf({ kind: 'people', id }, () => sessions.query(LOCK, [lock]));
  const loud = locks.map((lock) => asks('usr_loud', lock));
  let calmed = false;
  const calm = asks('usr_calm', 7).then(() => {
    calmed = true;
  });
  try {
    while ((await waiting()) < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const lock of locks.slice(0, 2)) await holder.query('select pg_advisory_unlock($1)', [lock]);
    // The first turn that becomes free is the loud one's sixth, the second the calm one's, the third the loud one's seventh.
    while (!(await waited()).includes(locks[6]!)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(calmed).toBe(true);
  } finally {
    await holder.query('select pg_advisory_unlock_all()');
    await Promise.all([...loud, calm]);
  }
});
