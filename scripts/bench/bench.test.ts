import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mean, median, percentile, rate, ratio } from './arithmetic.ts';
import { FIGURE_NAMES, figure, TARGETS } from './figure.ts';
import { residentMegabytes, residentMemoryOf } from './resident-memory.ts';
import { countTicks } from './tick-count.ts';

describe('a figure', () => {
  test.each(FIGURE_NAMES)('%s is ok at its target and turns bad beyond it', (name) => {
    const { target, better } = TARGETS[name];
    const worse = better === 'lower' ? target * 1.0001 : target * 0.9999;
    expect(figure(name, target).ok).toBe(true);
    expect(figure(name, worse).ok).toBe(false);
    expect(figure(name, better === 'lower' ? 0 : target * 10).ok).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'that is %s was not measured, which is never ok',
    (measured) => {
      for (const name of FIGURE_NAMES) expect(figure(name, measured)).toMatchObject({ value: null, ok: false });
    },
  );
});

describe('a percentile', () => {
  test('is a sample that enough samples don’t exceed, and no smaller one does', () => {
    const samples = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 100 }), (all, percent) => {
        const p = percentile(all, percent / 100);
        const within = (limit: number) => all.filter((s) => s <= limit).length;
        expect(all).toContain(p);
        expect(within(p)).toBeGreaterThanOrEqual((percent / 100) * all.length - 1e-9);
        const smaller = all.filter((s) => s < p);
        if (smaller.length > 0) expect(within(Math.max(...smaller))).toBeLessThan((percent / 100) * all.length);
      }),
    );
  });

  test('turns bad when one sample in ten is slow', () => {
    const samples = Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? 900 : 20));
    expect(percentile(samples, 0.95)).toBe(900);
    expect(percentile(samples, 0.9)).toBe(20);
    expect(median([700, 10, 20])).toBe(20);
  });

  test.each([
    [[], 0.95],
    [[Number.NaN, 1], 0.95],
    [[1], 0],
    [[1], 1.1],
  ] as const)('of %j at %d is not a number', (samples, share) => {
    expect(percentile(samples, share)).toBeNaN();
  });
});

test('rates, ratios and means of nothing are not numbers', () => {
  expect(rate(500, 2_000)).toBe(250);
  expect(rate(500, 0)).toBeNaN();
  expect(ratio(250, 1_000)).toBe(0.25);
  expect(ratio(250, 0)).toBeNaN();
  expect(ratio(250, Number.NaN)).toBeNaN();
  expect(mean([1, 3])).toBe(2);
  expect(mean([])).toBeNaN();
});

test('a tick is a transaction that decided about a promotion or a rollout, however many entries it has', () => {
  const entry = (transaction: string, stream: string) => ({ transaction, stream });
  expect(
    countTicks([entry('7', 'rollout/a'), entry('7', 'cell/a'), entry('8', 'rollout/a'), entry('9', 'promotion/p')]),
  ).toBe(3);
  expect(countTicks([entry('7', 'rollout/a'), entry('7', 'rollout/b'), entry('7', 'rollout/c')])).toBe(1);
  // Other people's commits are none, and what conflicted isn't on the log at all.
  expect(countTicks([entry('7', 'cell/a'), entry('8', 'release/x'), entry('9', 'document/Cell/a')])).toBe(0);
  expect(countTicks([])).toBe(0);
});

describe('resident memory', () => {
  test('is read from the kernel’s status, and a growing process shows', async () => {
    expect(residentMegabytes('Name:\tnode\nVmRSS:\t  175782 kB\nRssAnon:\t 1 kB\n')).toBeCloseTo(180.0, 1);
    expect(residentMegabytes('Name:\tnode\n')).toBeNaN();
    expect(residentMegabytes('')).toBeNaN();
    const before = await residentMemoryOf(process.pid);
    const ballast = Buffer.alloc(64_000_000, 1);
    expect((await residentMemoryOf(process.pid)) - before).toBeGreaterThan(40);
    expect(ballast[1]).toBe(1);
  });

  test('of a process that is gone is not a number', async () => {
    expect(await residentMemoryOf(2 ** 22 + 1)).toBeNaN();
  });
});
