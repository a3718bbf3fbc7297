import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineDiff, shownDiff } from './line-diff.ts';

const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });

test('what is kept and taken out is the text before, what is kept and put in the text after', () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const diff = lineDiff(before, after);
      expect(diff.filter(({ op }) => op !== '+').map(({ text }) => text)).toEqual(before);
      expect(diff.filter(({ op }) => op !== '-').map(({ text }) => text)).toEqual(after);
      if (before.join() === after.join()) expect(diff.every(({ op }) => op === ' ')).toBe(true);
    }),
  );
});

test('as few lines change as can be', () => {
  const ops = (before: string, after: string) =>
    lineDiff(before.split(''), after.split('')).map(({ op, text }) => op + text);
  expect(ops('abcd', 'abxd')).toEqual([' a', ' b', '-c', '+x', ' d']);
  expect(ops('abcabba', 'cbabac').filter((each) => !each.startsWith(' '))).toHaveLength(5);
});

test('texts that are too long to be compared line by line are told as a whole, and in no time', () => {
  const before = Array.from({ length: 5_000 }, (_, i) => `a${i}`);
  const after = Array.from({ length: 5_000 }, (_, i) => `b${i}`);
  const diff = lineDiff(['same', ...before], ['same', ...after]);
  expect(diff).toHaveLength(10_001);
  expect(diff[0]).toEqual({ op: ' ', text: 'same' });
});

test('changes are shown with a few lines around them, and what is left out as one line', () => {
  const before = 'abcdefghijklmnop'.split('');
  const after = before.map((line) => (line === 'h' ? 'H' : line));
  expect(shownDiff(lineDiff(before, after), 1)).toEqual(['  …', '  g', '- h', '+ H', '  i', '  …']);
});
