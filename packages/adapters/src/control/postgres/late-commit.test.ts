/** A list from the first to the last, read while commits end in another order than they began: over two real connections. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl } from './open.ts';

let database: TestDatabase;
let control: Awaited<ReturnType<typeof openPostgresControl>>;
let late: pg.Client;
beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
  late = new pg.Client({ connectionString: database.databaseUrl });
  await late.connect();
});
afterAll(async () => {
  await late?.end();
  await control?.close();
  await database?.close();
});

const state = { environment: 'live', application: 'shop', phase: 'awaiting' };
const make = (stream: string) =>
  control.store.commit({
    by: 'usr_1' as never,
    writes: [{ stream, expected: 0, entries: [{ type: 'made', data: {} }], state, dueAt: null }],
  });
const listed = async (descending: boolean, after?: { at: number; stream: string }) =>
  control.store.list('promotion', { limit: 100, descending, byTime: after === undefined ? {} : { after } });

/** As a server commits whose transaction takes long: it has inserted its row, and hasn't ended. */
async function beginLate(stream: string): Promise<void> {
  await late.query('begin');
  const bytes = Buffer.from('{"at":1,"by":"usr_1"}');
  const { rows } = await late.query(
    `select c.outcome from headgate.commit(headgate.clock_ms(), array[$1], array[0], array[1], array[$2],
       array[null::bigint], array[null::text], array[false], array[null::text], array[false], array[null::text],
       array[$1], array[1], array[1], array[$3::integer], $4, '{}', '{}', '{}', 1, array[1]) c`,
    [stream, JSON.stringify(state), bytes.length, bytes],
  );
  expect(rows).toEqual([{ outcome: 'done' }]);
}

test('who goes on from the end of a list from the first to the last misses nothing that commits late', async () => {
  expect(await make('promotion/first')).toEqual({ ok: true });
  expect(
    (await listed(false)).map(({ stream }) => stream),
    'what was just made is in it',
  ).toEqual(['promotion/first']);
  await beginLate('promotion/late');
  expect(await make('promotion/soon')).toEqual({ ok: true });
  const before = await listed(false);
  expect((await listed(true))[0]?.stream, 'the newest is told at once').toBe('promotion/soon');
  await late.query('commit');
  const last = before.at(-1);
  const rest = await listed(false, last && { at: last.madeAt as number, stream: last.stream });
  expect([...before, ...rest].map(({ stream }) => stream)).toEqual([
    'promotion/first',
    'promotion/late',
    'promotion/soon',
  ]);
});
