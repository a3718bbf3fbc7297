import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearestFew } from './nearest.ts';

test('the nearest come first, whatever their case; of equally near ones in their order', () => {
  expect(nearestFew('prodution', ['a', 'staging', 'Production'], 2)).toEqual(['Production', 'staging']);
  expect(nearestFew('x', ['b', 'a', 'c'], 2)).toEqual(['b', 'a']);
});

test('of any names so many are told as are asked for, each a candidate, and one that is spelt so first', () => {
  const names = fc.uniqueArray(fc.string(), { minLength: 1, selector: (name) => name.toLowerCase() });
  fc.assert(
    fc.property(names, fc.nat(7), fc.nat(), (candidates, most, which) => {
      const named = candidates[which % candidates.length] as string;
      const few = nearestFew(named, candidates, most);
      expect(few).toHaveLength(Math.min(most, candidates.length));
      expect(candidates).toEqual(expect.arrayContaining([...few]));
      if (most > 0) expect(few[0]).toBe(named);
    }),
  );
});
