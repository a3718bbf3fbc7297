import { expect, test } from 'vitest';
import { ClosingsInForce, closed, type StoredClosing } from './closings.ts';

const operation = { name: 'pay', says: 'Not now.', requests: [{ methods: ['POST' as const], path: '/pay' }] };
const closing = (tenants: string[], more: { slot?: string; forMs?: number } = {}) => ({
  close: [{ operations: [operation], tenants, ...more }],
  reopen: [],
});
const NOON = 1_000_000;

test('closing again begins the lease anew, and keeps since when it is closed', () => {
  const first = closed([], closing(['acme'], { forMs: 1_000 }), NOON);
  const again = closed(first, closing(['acme', 'globex'], { forMs: 1_000 }), NOON + 900);
  expect(again).toEqual([{ operation, tenants: ['acme', 'globex'], since: NOON, until: NOON + 1_900, forMs: 1_000 }]);
  expect(closed(again, { close: [], reopen: [] }, NOON + 1_900)).toEqual([]);
});

test('who is opened is opened, and nobody else', () => {
  const both = closed([], closing(['acme', 'globex']), NOON);
  const reopen = [{ operations: ['pay'], tenants: ['acme'] }];
  expect(closed(both, { close: [], reopen }, NOON)).toMatchObject([{ tenants: ['globex'] }]);
  const elsewhere = [{ operations: ['pay'], tenants: ['acme', 'globex'], slot: 'green' }];
  expect(closed(both, { close: [], reopen: elsewhere }, NOON)).toEqual(both);
});

test('a lease ends on the process’s own clock, and a wall clock that was set back makes it no longer', () => {
  const [stored] = closed([], closing(['acme'], { forMs: 1_000 }), NOON) as [StoredClosing];
  let clock = 50;
  const inForce = new ClosingsInForce([stored], NOON - 3_600_000, () => clock);
  clock = 1_049;
  expect([inForce.of('acme', 'blue').length, inForce.of('globex', 'blue').length]).toEqual([1, 0]);
  clock = 1_050;
  expect([inForce.of('acme', 'blue'), inForce.all()]).toEqual([[], []]);
});
