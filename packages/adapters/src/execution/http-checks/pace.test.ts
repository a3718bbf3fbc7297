import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pace } from './pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** How long so many pieces of work last altogether. Milliseconds, by the clock that stands still. */
async function lasts(percent: number, pieces: readonly number[], signal = new AbortController().signal) {
  const pace = new Pace(() => percent);
  const began = performance.now();
  const run = (async () => {
    for (const ms of pieces) await pace.turn(signal, () => pass(ms));
    return performance.now() - began;
  })();
  await vi.runAllTimersAsync();
  return run;
}

test('of the time, no more than so much is work, but for the last piece, after which nothing comes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 10, max: 100 }),
      fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 20 }),
      async (percent, pieces) => {
        const took = await lasts(percent, pieces);
        const last = pieces.at(-1)!;
        const busy = pieces.reduce((sum, ms) => sum + ms, 0) - last;
        // Timers count whole milliseconds.
        expect(took - last).toBeGreaterThanOrEqual((busy * 100) / percent - pieces.length);
        expect(took - last).toBeLessThanOrEqual((busy * 100) / percent + pieces.length);
      },
    ),
    { numRuns: 50 },
  );
});

test('what failed is rested for, too; a hung request is not paid for with minutes, and who is told to end ends', async () => {
  const never = new AbortController().signal;
  const pace = new Pace(() => 50);
  const began = performance.now();
  const bad = pace.turn(never, () => pass(100).then(() => Promise.reject(new Error('refused'))));
  const caught = bad.catch(() => 'refused');
  await vi.runAllTimersAsync();
  expect(await caught).toBe('refused');
  void pace.turn(never, () => pass(0));
  await vi.runAllTimersAsync();
  expect(performance.now() - began).toBeGreaterThanOrEqual(199);

  expect(await lasts(10, [60_000, 1])).toBeLessThanOrEqual(65_010);
  const over = new AbortController();
  over.abort();
  expect(await lasts(10, [1_000, 1], over.signal)).toBeLessThanOrEqual(1_010);
});

test('the share is asked for before each piece: who may hurry now hurries', async () => {
  let percent = 10;
  const pace = new Pace(() => percent);
  const never = new AbortController().signal;
  const began = performance.now();
  const run = (async () => {
    await pace.turn(never, () => pass(100));
    percent = 100;
    await pace.turn(never, () => pass(100));
    return performance.now() - began;
  })();
  await vi.runAllTimersAsync();
  expect(Math.round(await run)).toBe(200);
});
