/** What a scrape costs, and what it says when nothing can be counted. */
import type { Counted } from '@headgate/adapters/control/postgres/index';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { StandingMetrics } from './standing-metrics.ts';

const live = { environment: 'live', application: 'shop' };
const NOTHING: Counted = {
  open: [],
  approvals: [],
  environments: [live],
  ended: [],
  freezes: [],
  agents: [],
  deliveries: { count: 0, oldestMs: 0 },
  unplaced: { count: 0, oldestMs: 0 },
  assignments: [],
  standbys: [],
  vaults: [],
  dueLagMs: 0,
};

function over(count: () => Promise<Counted>) {
  const registry = new Registry();
  let now = 0;
  const metrics = new StandingMetrics(registry, count, () => now);
  return {
    pass: (ms: number) => {
      now += ms;
    },
    lines: async () => {
      await metrics.refresh();
      return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    },
    refresh: () => metrics.refresh(),
  };
}

test('a hundred scrapes at once, and the next within five seconds, cost one look', async () => {
  let looks = 0;
  const { lines, pass } = over(async () => {
    looks += 1;
    return NOTHING;
  });
  await Promise.all(Array.from({ length: 100 }, lines));
  pass(4_999);
  await lines();
  expect(looks).toBe(1);
  pass(1);
  await lines();
  expect(looks).toBe(2);
});

test('what can’t be counted any more is absent, and said to be unknown', async () => {
  let away = false;
  const { lines, pass } = over(async () => {
    if (away) throw new Error('the database is away');
    return { ...NOTHING, open: [{ ...live, phase: 'held', count: 2, back: 1 }] };
  });
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'headgate_standing_known 1',
      'headgate_promotions_open{environment="live",application="shop",phase="held"} 2',
      'headgate_promotions_going_back{environment="live",application="shop"} 1',
      'headgate_deliveries_unsent 0',
    ]),
  );
  away = true;
  pass(5_000);
  expect(await lines()).toEqual(['headgate_standing_known 0']);
  away = false;
  pass(5_000);
  expect(await lines()).toContain('headgate_standing_known 1');
});

test('a database that takes its time holds up no scrape', { timeout: 20_000 }, async () => {
  let answer: (counted: Counted) => void = () => {};
  let looks = 0;
  const { lines, pass } = over(() => {
    looks += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  expect(await lines()).toEqual(['headgate_standing_known 0']);
  pass(60_000);
  expect(await lines()).toEqual(['headgate_standing_known 0']);
  expect(looks).toBe(1);
  answer(NOTHING);
  expect(await lines()).toContain('headgate_standing_known 1');
});

test('results are counted from zero in every declared environment, and each rollback is one', async () => {
  const { lines } = over(async () => ({
    ...NOTHING,
    ended: [
      { ...live, result: 'rolled-back', count: 3 },
      { ...live, result: 'partly-rolled-back', count: 1 },
      { ...live, result: 'promoted', count: 7 },
      { environment: 'gone', application: 'shop', result: 'expired', count: 1 },
    ],
  }));
  const said = await lines();
  const of = (result: string, environment = 'live') =>
    said.find((line) =>
      line.startsWith(
        `headgate_promotions_ended_total{environment="${environment}",application="shop",result="${result}"}`,
      ),
    );
  expect(of('promoted')).toMatch(/ 7$/);
  expect(of('rejected')).toMatch(/ 0$/);
  expect(of('expired', 'gone')).toMatch(/ 1$/);
  expect(said).toContain('headgate_rollbacks_total{environment="live",application="shop"} 4');
});
