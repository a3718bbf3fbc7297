/** Freezes over the store in memory, in virtual time. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import { type Principal, UNTIL_LIFTED } from '@headgate/domain';
import { expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { declareFreeze, liftFreeze } from './declare-freeze.ts';

const OPERATOR: Principal = { id: 'usr_ops', roles: ['operator'] };
const NOW = Date.UTC(2026, 2, 2, 12);
const HOUR = 3_600_000;

function world() {
  const at = { now: NOW };
  const clock = () => at.now;
  const store = new MemoryStore({ clock, log: new MemoryLog(clock) });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  const declare = (from: number, to: number, name = 'peak') =>
    declareFreeze(deps, OPERATOR, 'all', { name, from, to, reason: 'busy' });
  return { at, deps, declare };
}

test.each([
  ['begins later', NOW + 1, NOW + 9 * HOUR],
  ['ends earlier', NOW, NOW + HOUR - 1],
])('a freeze that holds is not replaced by one of its name that %s; lifted first, it is', async (_, from, to) => {
  const { deps, declare } = world();
  expect(await declare(NOW, NOW + HOUR)).toMatchObject({ ok: true });
  expect(await declare(from, to)).toMatchObject({
    ok: false,
    refusals: [{ code: 'weaker-freeze', unblock: expect.stringContaining('lift') }],
  });
  expect(await declare(from, to, 'other')).toMatchObject({ ok: true });
  await liftFreeze(deps, OPERATOR, 'all', 'peak', 'over');
  expect(await declare(from, to)).toMatchObject({ ok: true });
});

test.each([
  ['said in seconds', NOW / 1_000, NOW / 1_000 + 86_400, /it is over already: 1772539200 is 1970-01-21T/],
  ['that ends now', NOW - HOUR, NOW, /it is over already/],
  ['that ends before it begins', NOW + 2 * HOUR, NOW + HOUR, /ends before it begins/],
])('a freeze %s is refused: it would hold nothing, and be answered as if it held', async (_, from, to, why) => {
  const { deps, declare } = world();
  const refusals = [{ code: 'malformed', where: 'body/to', why: expect.stringMatching(why) }];
  expect(await declare(from, to)).toMatchObject({
    ok: false,
    refusals: refusals.map((each) => ({ ...each, unblock: expect.stringContaining('milliseconds since 1970') })),
  });
  expect((await deps.store.list('freeze', { limit: 10 })).length).toBe(0);
});

test('a freeze that holds may be prolonged; one that doesn’t yet may be moved', async () => {
  const { at, declare } = world();
  await declare(NOW, NOW + HOUR);
  at.now += HOUR / 2;
  expect(await declare(at.now, NOW + 2 * HOUR)).toMatchObject({ ok: true });
  expect(await declare(at.now, UNTIL_LIFTED)).toMatchObject({ ok: true });
  expect(await declare(at.now, NOW + 99 * HOUR)).toMatchObject({ ok: false });
  await declare(NOW + 5 * HOUR, NOW + 9 * HOUR, 'later');
  expect(await declare(NOW + 6 * HOUR, NOW + 8 * HOUR, 'later')).toMatchObject({ ok: true });
});

test('a freeze without a name gets one that no other has, of whatever scope', async () => {
  const { at, deps } = world();
  const write = (stream: string) => ({
    stream,
    expected: 0,
    entries: [{ type: 'x', data: {} }],
    state: {},
    dueAt: null,
  });
  const names = ['production', 'staging'].map((name) => write(`document/Environment/${name}`));
  await deps.store.commit({ by: 'u', writes: names });
  const frozen = async (scope: string) => {
    const asked = { from: at.now, to: at.now + HOUR, reason: 'busy' };
    const declared = await declareFreeze(deps, OPERATOR, scope, asked);
    return declared.ok ? declared.value.name : declared.refusals;
  };
  expect(await frozen('production')).toBe('now-20260302-1200');
  expect(await frozen('staging')).toBe('now-20260302-1200-2');
  expect(await frozen('all')).toBe('now-20260302-1200-3');
  expect(await frozen('all')).toBe('now-20260302-1200-4');
});
