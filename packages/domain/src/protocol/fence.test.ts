import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admits, compareFences, type Fence } from './fence.ts';

const fence: fc.Arbitrary<Fence> = fc.record({ epoch: fc.nat(3), n: fc.nat(5) });

test('fences are totally ordered, epoch first', () => {
  fc.assert(
    fc.property(fence, fence, fence, (a, b, c) => {
      expect(Math.sign(compareFences(a, b))).toBe(-Math.sign(compareFences(b, a)) + 0);
      if (compareFences(a, b) <= 0 && compareFences(b, c) <= 0) expect(compareFences(a, c)).toBeLessThanOrEqual(0);
      if (a.epoch < b.epoch) expect(compareFences(a, b)).toBeLessThan(0);
    }),
  );
});

test('a holder admits the same again or a higher one, and anything when it has seen none', () => {
  expect(admits(undefined, { epoch: 0, n: 0 })).toBe(true);
  expect(admits({ epoch: 1, n: 7 }, { epoch: 1, n: 7 })).toBe(true);
  expect(admits({ epoch: 1, n: 7 }, { epoch: 2, n: 0 })).toBe(true);
  expect(admits({ epoch: 1, n: 7 }, { epoch: 1, n: 6 })).toBe(false);
  expect(admits({ epoch: 2, n: 0 }, { epoch: 1, n: 9 })).toBe(false);
});

test('what was refused once is refused for ever', () => {
  fc.assert(
    fc.property(fence, fc.array(fence), (refused, later) => {
      let held: Fence = { epoch: 1, n: 3 };
      const before = admits(held, refused);
      for (const next of later) if (admits(held, next)) held = next;
      if (!before) expect(admits(held, refused)).toBe(false);
    }),
  );
});
