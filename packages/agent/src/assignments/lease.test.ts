/** A lease's whole life on a clock that the test turns: when it is renewed, and when the work must have stopped. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Assignment } from '../control-plane/assignment.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import { Lease } from './lease.ts';

const assignment: Assignment = sealedPlan().forward('w1.verify', { lifetimeMs: 600 });

/** A server's answer to a renewal: the lifetime, `undefined` (it is somebody else's), or nobody who answers. */
type Answer = number | undefined | 'away';

let answer: Answer;
/** When each renewal was asked for. Milliseconds since the test began. */
let renewed: number[];
let from: number;
const plane = {
  renew: async (): Promise<number | undefined> => {
    renewed.push(at());
    if (answer === 'away') throw new Error('nobody answers');
    return answer;
  },
};
const at = () => Math.round(performance.now() - from);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  from = performance.now();
  renewed = [];
  answer = 600;
});
afterEach(() => {
  vi.useRealTimers();
});

async function begun(askedAt = performance.now()): Promise<Lease> {
  const lease = new Lease(plane, assignment, askedAt);
  expect(await lease.begin()).toBe(true);
  return lease;
}

test('is renewed at a third of its lifetime, again and again, and lives on', async () => {
  const lease = await begun();
  await pass(2_000);
  expect(renewed).toEqual([200, 400, 600, 800, 1_000, 1_200, 1_400, 1_600, 1_800, 2_000]);
  expect([lease.signal.aborted, lease.remainingMs()]).toEqual([false, 600]);
});

test('runs out, while the server is away, when its lifetime is over: not before, and not later', async () => {
  const lease = await begun();
  answer = 'away';
  await pass(599);
  expect([lease.signal.aborted, lease.remainingMs()]).toEqual([false, 1]);
  await pass(1);
  expect([lease.signal.aborted, lease.remainingMs()]).toEqual([true, 0]);
  expect(lease.signal.reason).toMatchObject({ how: 'ran-out' });
  const asked = renewed.length;
  await pass(10_000);
  expect(renewed.length).toBe(asked);
});

test('counts from the moment of asking, also where it was renewed before the server went away', async () => {
  const lease = await begun();
  await pass(200);
  answer = 'away';
  await pass(599);
  expect(lease.signal.aborted).toBe(false);
  await pass(1);
  expect([lease.signal.aborted, at()]).toEqual([true, 800]);
});

test('ends at once when the server says that it is somebody else’s', async () => {
  const lease = await begun();
  answer = undefined;
  await pass(200);
  expect(lease.signal.reason).toMatchObject({ how: 'lost' });
});

test('that came late is confirmed before anything begins: by its renewal it lives, and without one it ends in its time', async () => {
  const asked = performance.now();
  await pass(201);
  answer = 'away';
  const late = await begun(asked);
  expect(renewed).toEqual([201]);
  await pass(398);
  expect(late.signal.aborted).toBe(false);
  await pass(1);
  expect([late.signal.aborted, at()]).toEqual([true, 600]);
  answer = 600;
  const confirmed = await begun(asked);
  expect(confirmed.remainingMs()).toBe(600);
  answer = undefined;
  expect(await new Lease(plane, assignment, asked).begin()).toBe(false);
});

test('that is closed counts no more, and aborts nothing', async () => {
  const lease = await begun();
  lease.close();
  await pass(10_000);
  expect([lease.signal.aborted, renewed]).toEqual([false, []]);
});
