/** What is counted of how things stand: each thing that somebody is woken by, beside its neighbours that nobody is. */
import { writeOf } from '@headgate/testkit/control/world';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embeddedDatabase, type TestDatabase } from './control-database.test-support.ts';
import { openPostgresControl, type PostgresControl } from './open.ts';
import type { Counted } from './standing.ts';

const MINUTE_MS = 60_000;

let database: TestDatabase;
let control: PostgresControl;
let admin: pg.Client;
let counted: Counted;

const make = async (stream: string, state: object, more: object = {}) => {
  expect(await control.store.commit({ by: 'u', writes: [writeOf(stream, 0, { state, ...more })] })).toEqual({
    ok: true,
  });
};
const ago = (stream: string, column: string, ms: number) =>
  admin.query(`update headgate.stream set ${column} = headgate.clock_ms() - $2::bigint where stream = $1`, [
    stream,
    ms,
  ]);

const of = { environment: 'live', application: 'shop' };
const approval = (verdict: string) => [
  { gate: 'signature', verdict: 'pass' },
  { gate: 'approval', verdict },
];

beforeAll(async () => {
  database = await embeddedDatabase(18);
  control = await openPostgresControl({ databaseUrl: database.databaseUrl });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const now = await control.store.now();

  const promotion = { ...of, wave: 0, undo: null, verdicts: [] };
  await make('promotion/asks', { ...promotion, phase: 'awaiting', verdicts: approval('pending') });
  await ago('promotion/asks', 'made_at', 30 * MINUTE_MS);
  await make('promotion/asks-later', { ...promotion, phase: 'awaiting', wave: 2, verdicts: approval('no-data') });
  await ago('promotion/asks-later', 'made_at', 900 * MINUTE_MS);
  await ago('promotion/asks-later', 'last_at', 10 * MINUTE_MS);
  await make('promotion/has', { ...promotion, phase: 'awaiting', verdicts: approval('pass') });
  await make('promotion/waived', { ...promotion, phase: 'awaiting', verdicts: approval('waived') });
  await make('promotion/goes', { ...promotion, phase: 'advancing', verdicts: undefined });
  await make('promotion/back', { ...promotion, phase: 'held', undo: { because: 'slow' } });
  await make('promotion/over', { ...promotion, phase: 'ended', result: 'rolled-back', at: now, undo: {} });

  await make('document/Environment/live', { kind: 'Environment', name: 'live', spec: { application: 'shop' } });
  await make('document/Policy/live', { kind: 'Policy', name: 'live', spec: {} });

  const freeze = (from: number, to: number) => ({ name: 'f', reason: 'r', from, to });
  const holds = [
    freeze(now - 5, now + 999_999),
    freeze(now - 9, 8.64e15),
    freeze(now - 9, now - 5),
    freeze(now + 999_999, 8.64e15),
  ];
  await make('freeze/application:shop', { freezes: holds });
  await make('freeze/all', { freezes: [freeze(now - 9, now - 5)] });

  const agent = (environments: string[], more: object = {}) => ({ roles: ['agent'], environments, ...more });
  await make('principal/agt_seen', agent(['live', 'stage']));
  await make('principal/agt_silent', agent(['live']));
  await make('principal/agt_never', agent(['live']));
  await make('principal/agt_gone', agent(['live'], { revoked: true }));
  await make('principal/usr_some', { roles: ['auditor'] });
  const observed = (by: string, at: number) => ({ uncertain: false, observed: { by, at, state: { tenants: {} } } });
  await make('cell/one', observed('agt_seen', now - 9 * MINUTE_MS));
  await make('cell/two', observed('agt_seen', now - 90 * MINUTE_MS));
  await make('cell/three', observed('agt_silent', now - 11 * MINUTE_MS));
  await make('cell/four', { desired: { environment: 'live' }, uncertain: false });

  const due = { dueAt: now + 999_999 };
  await make('delivery/waits', { rule: 'r', phase: 'waiting' }, due);
  await ago('delivery/waits', 'made_at', 7 * MINUTE_MS);
  await make('delivery/new', { rule: 'r', phase: 'waiting' }, due);
  await make('delivery/sent', { rule: 'r', phase: 'sent' });
  await ago('delivery/sent', 'made_at', 99 * MINUTE_MS);

  const rollout = async (name: string, phase: string, environment = 'live') =>
    make(`rollout/${name}`, { environment, phase }, { ...due, exclusive: `cell/${name}`, audience: `agent/${name}` });
  for (const name of ['offered', 'untaken']) await rollout(name, 'offered');
  await ago('rollout/untaken', 'queued_at', 2 * MINUTE_MS);
  for (const name of ['leased', 'lost']) await rollout(name, 'leased', 'stage');
  await ago('rollout/lost', 'due_at', 20_000);
  await make('rollout/settled', { environment: 'live', phase: 'settled' });

  while ((await control.log.place(1_000)) > 0);
  await make('thing/unplaced', {});
  await make('thing/unplaced-too', {});
  counted = await control.standing.count();
}, 60_000);
afterAll(async () => {
  await Promise.all([admin?.end(), control?.close()]);
  await database?.close();
});

describe('how things stand', () => {
  test('has open promotions by phase, and which of them were decided to go back', () => {
    const sorted = [...counted.open].sort((a, b) => a.phase.localeCompare(b.phase));
    expect(sorted).toEqual([
      { ...of, phase: 'advancing', count: 1, back: 0 },
      { ...of, phase: 'awaiting', count: 4, back: 0 },
      { ...of, phase: 'held', count: 1, back: 1 },
    ]);
    expect(counted.ended).toEqual([{ ...of, result: 'rolled-back', count: 1 }]);
    expect(counted.environments).toEqual([of]);
  });

  test('has who waits for an approval, since it was asked for or, later, since its last entry', () => {
    const [waits, ...more] = counted.approvals;
    expect(more).toEqual([]);
    expect(waits).toMatchObject({ ...of, count: 2 });
    expect(waits?.oldestMs).toBeGreaterThanOrEqual(30 * MINUTE_MS);
    expect(waits?.oldestMs).toBeLessThan(60 * MINUTE_MS);
  });

  test('has freezes that hold, and none that are over or to come', () => {
    expect(counted.freezes).toEqual([{ scope: 'application:shop', count: 2 }]);
  });

  test('has each agent once in each of its environments, by the newest that it said, and none that is revoked', () => {
    const sorted = [...counted.agents].sort((a, b) =>
      `${a.environment}${a.state}`.localeCompare(`${b.environment}${b.state}`),
    );
    expect(sorted).toEqual([
      { environment: 'live', state: 'never', count: 1 },
      { environment: 'live', state: 'seen', count: 1 },
      { environment: 'live', state: 'silent', count: 1 },
      { environment: 'stage', state: 'seen', count: 1 },
    ]);
  });

  test('has messages that are not sent, and how old the oldest is', () => {
    expect(counted.deliveries.count).toBe(2);
    expect(counted.deliveries.oldestMs).toBeGreaterThanOrEqual(7 * MINUTE_MS);
    expect(counted.deliveries.oldestMs).toBeLessThan(90 * MINUTE_MS);
  });

  test('has rollouts that hold a cell, and the steps that nobody takes or whose lease is over', () => {
    expect([...counted.assignments].sort((a, b) => a.phase.localeCompare(b.phase))).toEqual([
      { environment: 'stage', phase: 'leased', count: 2, overdue: 1 },
      { environment: 'live', phase: 'offered', count: 2, overdue: 1 },
    ]);
    expect(counted.dueLagMs).toBeGreaterThanOrEqual(20_000);
  });

  test('has entries without a place, by the time at which they were made', () => {
    expect(counted.unplaced.count).toBe(2);
    expect(counted.unplaced.oldestMs).toBeGreaterThanOrEqual(0);
    expect(counted.unplaced.oldestMs).toBeLessThan(30 * MINUTE_MS);
  });
});

test('reads so many endings and no more, the same ones each time', async () => {
  await admin.query(
    `insert into headgate.promotions_ended select 'env-' || n, 'shop', 'promoted', 1 from generate_series(1, 10100) n`,
  );
  const first = (await control.standing.count()).ended;
  expect(first).toHaveLength(10_000);
  expect((await control.standing.count()).ended).toEqual(first);
  await admin.query(`delete from headgate.promotions_ended where environment like 'env-%'`);
});
