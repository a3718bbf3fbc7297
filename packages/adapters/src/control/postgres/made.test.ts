/** Lists by time and the tally of endings: what an older build left and goes on writing, and what they cost. */
import type { ListPage } from '@headgate/control/ports/store';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseClock } from './clock.ts';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { applyMissing } from './migrate-steps.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { PostgresStore } from './postgres-store.ts';
import type { Sessions } from './sessions.ts';
import { Standing } from './standing.ts';

const BEFORE = MIGRATIONS.findIndex(({ name }) => name === '0010-made');

let database: TestDatabase;
let admin: pg.Client;

beforeAll(async () => {
  database = await embeddedDatabase(18);
  const first = new pg.Client({ connectionString: database.adminUrl });
  await first.connect();
  await first.query('create database older');
  await first.end();
  const url = new URL(database.adminUrl);
  url.pathname = '/older';
  admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query('begin');
  await applyMissing(admin, MIGRATIONS.slice(0, BEFORE));
  await admin.query('commit');
});
afterAll(async () => {
  await admin?.end();
  await database?.close();
});

/** As the build of before commits: by the function that it knows. */
async function commitAsOlder(stream: string, expected: number, state: object, at?: number): Promise<void> {
  const { rows } = await admin.query(
    `with t as (select coalesce($4::bigint, headgate.clock_ms()) as at)
     select c.outcome, t.at from t, headgate.commit(headgate.clock_ms(), array[$1], array[$2::integer], array[1], array[$3],
       array[null::bigint], array[null::text], array[false], array[null::text], array[false], array[null::text],
       array[$1], array[$2::integer + 1], array[1], array[octet_length(convert_to('{"at":' || t.at || ',"by":"u"}', 'UTF8'))],
       convert_to('{"at":' || t.at || ',"by":"u"}', 'UTF8'), '{}', '{}', '{}') c`,
    [stream, expected, JSON.stringify(state), at ?? null],
  );
  expect(rows[0].outcome).toBe('done');
}
const promotion = (phase: string, more: object = {}) => ({ environment: 'live', application: 'shop', phase, ...more });
const ended = (result: string) => promotion('ended', { result, at: 5 });
const madeAt = async (stream: string) =>
  (await admin.query('select made_at::float8 as at from headgate.stream where stream = $1', [stream])).rows[0]?.at;
const tally = async () =>
  (await admin.query('select result, count::integer from headgate.promotions_ended order by result')).rows;

describe('a database of before', () => {
  beforeAll(async () => {
    await commitAsOlder('promotion/first', 0, promotion('awaiting'), 1_000);
    await commitAsOlder('promotion/first', 1, ended('promoted'), 9_000);
    await commitAsOlder('release/second', 0, { application: 'shop' }, 2_000);
    await commitAsOlder('cell/live', 0, {});
    await admin.query('begin');
    await applyMissing(admin, MIGRATIONS);
    await admin.query('commit');
  });

  test('has its promotions and releases in the order of their first entries, and its endings counted', async () => {
    expect(await madeAt('promotion/first')).toBe(1_000);
    expect(await madeAt('release/second')).toBe(2_000);
    expect(await madeAt('cell/live')).toBeNull();
    expect(await tally()).toEqual([{ result: 'promoted', count: 1 }]);
  });

  test('is written by the older build as before, and what it makes and ends has its place and is counted once', async () => {
    const from = Date.now() - 60_000;
    await commitAsOlder('promotion/later', 0, promotion('awaiting'));
    expect(await madeAt('promotion/later')).toBeGreaterThan(from);
    const at = await madeAt('promotion/later');
    await commitAsOlder('promotion/later', 1, promotion('advancing'));
    await commitAsOlder('promotion/later', 2, ended('rolled-back'));
    await commitAsOlder('promotion/later', 3, ended('rolled-back'));
    await commitAsOlder('promotion/at-once', 0, ended('rejected'));
    expect(await madeAt('promotion/later')).toBe(at);
    expect(await tally()).toEqual([
      { result: 'promoted', count: 1 },
      { result: 'rejected', count: 1 },
      { result: 'rolled-back', count: 1 },
    ]);
  });

  test('takes no promotion or release without a time', async () => {
    const insert = `insert into headgate.stream (stream, version, state, last_at, made_at) values ('release/x', 1, '{}', 1, null)`;
    await expect(admin.query(insert)).rejects.toThrow(/stream_made_at/);
  });
});

/** The statement that a call makes, explained as servers run it. */
async function explained(call: (sessions: Sessions) => Promise<unknown>): Promise<{ plan: string; blocks: number }> {
  let asked: { text: string; values: readonly unknown[] } | undefined;
  const query = async (text: string, values: readonly unknown[] = []) => {
    asked = { text, values };
    return { rows: [{}] };
  };
  await call({ query } as unknown as Sessions).catch(() => {});
  const { text, values } = asked as NonNullable<typeof asked>;
  await admin.query("set plan_cache_mode = 'force_generic_plan'");
  await admin.query('set enable_seqscan = off');
  await admin.query(`prepare asked as ${text}`);
  try {
    const given = values.length === 0 ? '' : `(${values.map((value) => pg.escapeLiteral(String(value))).join(', ')})`;
    const explain = `explain (analyze, buffers, format json) execute asked${given}`;
    await admin.query(explain);
    const [{ Plan: plan }] = (await admin.query(explain)).rows[0]['QUERY PLAN'];
    return { plan: JSON.stringify(plan), blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
  } finally {
    await admin.query('deallocate asked');
  }
}

const fill = async (from: number, to: number) => {
  await admin.query(
    `insert into headgate.stream (stream, version, state, last_at, made_at)
     select 'promotion/' || md5(i::text), 1, json_build_object('environment', 'env-' || i % 10, 'application', 'app-' || i % 3,
       'phase', case when i % 20 = 0 and i <= 1000 then 'held' else 'ended' end, 'result', 'promoted', 'at', i, 'filler', repeat('x', 500)), i, i from generate_series($1::integer, $2::integer) i
     union all
     select 'release/' || md5(i::text), 1, json_build_object('application', 'app-' || i % 3, 'filler', repeat('x', 500)), i, i
     from generate_series($1::integer, $2::integer) i
     union all
     select 'rollout/' || md5(i::text), 1, json_build_object('environment', 'env-' || i % 10, 'phase', 'settled'), i, i
     from generate_series($1::integer, $2::integer) i
     union all
     select 'delivery/' || md5(i::text), 1, json_build_object('rule', 'r', 'phase', 'sent'), i, i
     from generate_series($1::integer, $2::integer) i`,
    [from, to],
  );
  await admin.query('vacuum analyze headgate.stream');
  // Thousands end in one transaction only here: what that leaves behind is pruned between any others.
  await admin.query('vacuum full headgate.promotions_ended');
};

const LISTS: readonly [kind: 'promotion' | 'release', index: string, only: Partial<ListPage>][] = [
  ['promotion', 'promotion_made', {}],
  ['promotion', 'promotion_of_environment', { facet: 'env-7' }],
  ['promotion', 'promotion_of_application', { application: 'app-1' }],
  ['promotion', 'promotion_in_phase', { phase: 'ended' }],
  ['promotion', 'promotion_open', { open: true }],
  ['release', 'release_made', {}],
  ['release', 'release_of_application', { facet: 'app-1' }],
];

describe('a page costs the same, however many there are', () => {
  const list = (kind: string, page: Partial<ListPage>, after?: number) => (sessions: Sessions) =>
    new PostgresStore(sessions, new DatabaseClock()).list(kind, {
      limit: 51,
      descending: true,
      byTime: after === undefined ? {} : { after: { at: after, stream: `${kind}/8` } },
      ...page,
    });
  const small = new Map<string, number>();
  let counted = 0;

  beforeAll(async () => {
    await fill(1, 1_000);
    await admin.query(
      `update headgate.stream set due_at = 9000000000000, exclusive = case kind when 'rollout' then 'cell/' || stream end
       where kind in ('rollout', 'delivery') and last_at % 50 = 0`,
    );
    for (const [kind, index, only] of LISTS) small.set(index, (await explained(list(kind, only, 900))).blocks);
    counted = (await explained((sessions) => new Standing(sessions).count())).blocks;
    await fill(1_001, 20_000);
  }, 60_000);

  test.each(LISTS)('of a %s list by %s, in one walk along its index', async (kind, index, only) => {
    for (const after of [undefined, 15_000]) {
      const { plan, blocks } = await explained(list(kind, only, after));
      expect(plan).toContain(`"Index Name":"${index}"`);
      expect(plan).not.toContain('"Node Type":"Sort"');
      expect(blocks).toBeLessThan((small.get(index) as number) * 1.5 + 10);
    }
  });

  test('and neither does the count of how things stand read what has ended', async () => {
    const { plan, blocks } = await explained((sessions) => new Standing(sessions).count());
    expect(plan).toMatch(/"Index Name":"(stream|promotion)_open"/);
    for (const index of ['delivery_unsent', 'stream_exclusive_key', 'stream_due'])
      expect(plan).toContain(`"Index Name":"${index}"`);
    expect(blocks).toBeLessThan(counted * 1.5 + 10);
  });
});
