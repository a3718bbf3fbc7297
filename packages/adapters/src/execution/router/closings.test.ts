import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ClosingsInForce } from './closings.ts';
import { RoutingTable } from './routing-table.ts';

const operation = { name: 'pay', says: 'Not now.', requests: [{ methods: ['POST' as const], path: '/pay' }] };
const closing = (tenants: string[], more: { slot?: string; forMs?: number } = {}) => ({
  close: [{ operations: [operation], tenants, ...more }],
  reopen: [],
});
const NOON = 1_000_000;
const HOUR_MS = 3_600_000;

/** What both clocks show; `wait` lets the same time pass on both. */
const shown = { wall: NOON, own: 50 };
const clocks = { wall: () => shown.wall, own: () => shown.own };
const wait = (ms: number) => {
  shown.wall += ms;
  shown.own += ms;
};
beforeEach(() => {
  Object.assign(shown, { wall: NOON, own: 50 });
});

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-closings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('closing again begins the lease anew, and keeps since when it is closed', () => {
  const first = ClosingsInForce.of([], clocks).after(closing(['acme'], { forMs: 1_000 }));
  wait(900);
  const again = first.after(closing(['acme', 'globex'], { forMs: 1_000 }));
  expect(again.all()).toEqual([
    { operation, tenants: ['acme', 'globex'], since: NOON, until: NOON + 1_900, forMs: 1_000 },
  ]);
  wait(1_000);
  expect(again.after({ close: [], reopen: [] }).all()).toEqual([]);
});

test('who is opened is opened, and nobody else', () => {
  const both = ClosingsInForce.of([], clocks).after(closing(['acme', 'globex']));
  const reopen = [{ operations: ['pay'], tenants: ['acme'] }];
  expect(both.after({ close: [], reopen }).all()).toMatchObject([{ tenants: ['globex'] }]);
  const elsewhere = [{ operations: ['pay'], tenants: ['acme', 'globex'], slot: 'green' }];
  expect(both.after({ close: [], reopen: elsewhere }).all()).toEqual(both.all());
});

test('what another process wrote down is closed no longer than its lease was, though the wall clock was set back', () => {
  const stored = ClosingsInForce.of([], clocks)
    .after(closing(['acme'], { forMs: 1_000 }))
    .all();
  shown.wall -= HOUR_MS;
  const inForce = ClosingsInForce.of(stored, clocks);
  shown.own += 999;
  expect([inForce.of('acme', 'blue').length, inForce.of('globex', 'blue').length]).toEqual([1, 0]);
  shown.own += 1;
  expect([inForce.of('acme', 'blue'), inForce.all()]).toEqual([[], []]);
});

/** A routing table with `pay` closed for acme for 5 minutes, and what changes something else in it. */
async function closedTable() {
  files += 1;
  const file = join(folder, `${files}.json`);
  const table = await RoutingTable.open(file, ['green'], clocks);
  let n = 0;
  const fence = () => ({ epoch: 1, n: ++n });
  await table.change({ fence: fence(), routes: { acme: { green: 100 }, globex: { green: 100 } }, held: {} });
  await table.change({ fence: fence(), routes: {}, held: {}, ...closing(['acme', 'globex'], { forMs: 300_000 }) });
  return {
    file,
    isClosed: () => table.closed.of('acme', 'green').length > 0,
    told: () => table.closed.all(),
    /** One opened of two takes the closing apart, too. */
    otherChange: async () => {
      await table.change({ fence: fence(), routes: {}, held: { globex: n % 2 === 0 } });
      const reopen = [{ operations: ['pay'], tenants: ['globex'] }];
      await table.change({ fence: fence(), routes: {}, held: {}, reopen });
    },
  };
}

test.each([
  ['forward', 2 * HOUR_MS],
  ['back', -HOUR_MS],
])(
  'a lease ends when its time is over, whatever else changes meanwhile and though the wall clock is set %s',
  async (_, by) => {
    const { isClosed, told, otherChange } = await closedTable();
    shown.wall += by;
    for (const passed of [1, 100_000, 199_998]) {
      wait(passed);
      await otherChange();
      expect(isClosed()).toBe(true);
    }
    wait(1);
    expect([isClosed(), told()]).toEqual([false, []]);
    await otherChange();
    expect(isClosed()).toBe(false);
  },
);

test('the end that is told and written down is by the wall clock as it is now, in what an older router reads', async () => {
  const { file, told, otherChange } = await closedTable();
  shown.wall += HOUR_MS;
  wait(10_000);
  const known = { operation, since: NOON, forMs: 300_000, until: NOON + HOUR_MS + 300_000 };
  expect(told()).toEqual([{ ...known, tenants: ['acme', 'globex'] }]);
  await otherChange();
  const written = JSON.parse(await readFile(file, 'utf8')).closed;
  expect(written).toEqual([{ ...known, tenants: ['acme'] }]);
  shown.own += 290_000 - 1;
  shown.wall += 290_000 - 1;
  expect((await RoutingTable.open(file, ['green'], clocks)).closed.of('acme', 'green')).toHaveLength(1);
});

test('a fraction of a millisecond between two looks makes no other end of the one that is told', async () => {
  const { told } = await closedTable();
  const first = told();
  // A wall clock in whole ones steps before or after the other one.
  for (const [own, wall] of [
    [0.9, 0],
    [0.2, 2],
    [3.9, 3],
  ] as const) {
    shown.own += own;
    shown.wall += wall;
    expect(told()).toEqual(first);
  }
  expect(Number.isInteger(first[0]?.until)).toBe(true);
});
