import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DatabaseClock } from './clock.ts';

test('the estimate is never ahead of the database, nor ever goes back, however late its answers come', () => {
  const steps = fc.array(fc.record({ passMs: fc.nat(500), answerTookMs: fc.nat(300), ask: fc.boolean() }));
  fc.assert(
    fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (list, fraction) => {
      let real = 1_700_000_000_000 + fraction;
      const clock = new DatabaseClock(() => real - 1_600_000_000_000);
      let last = 0;
      for (const { passMs, answerTookMs, ask } of list) {
        real += passMs;
        if (ask) {
          const read = Math.floor(real);
          real += answerTookMs;
          clock.observe(read);
        }
        const estimate = clock.estimate();
        if (estimate === undefined) continue;
        expect(estimate).toBeLessThanOrEqual(Math.floor(real));
        expect(estimate).toBeGreaterThanOrEqual(last);
        expect(Number.isSafeInteger(estimate)).toBe(true);
        last = estimate;
      }
    }),
  );
});

test('when the database’s clock is set back, time stands still here until it catches up', () => {
  let mono = 0;
  const clock = new DatabaseClock(() => mono);
  clock.observe(10_000);
  expect(clock.observe(4_000)).toBe(10_000);
  mono = 1_000;
  expect(clock.estimate()).toBe(10_000);
  mono = 7_000;
  expect(clock.estimate()).toBe(11_000);
});
