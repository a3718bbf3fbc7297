import { expect, test } from 'vitest';
import { median } from './arithmetic.ts';
import { stallShare } from './canaries.ts';
import { figure } from './figure.ts';

test('a stall that canaries miss, overstate or don’t feel at all turns the figure bad', () => {
  const of = (...shares: number[]) => figure('canary-stall', median(shares)).ok;
  expect(of(stallShare(300, 340), stallShare(4_000, 4_390), stallShare(10, 60))).toBe(true);
  for (const [felt, observed] of [
    [300, 351],
    [351, 300],
    [4_000, 4_500],
    [0, 10_000],
    [undefined, 0],
  ] as const)
    expect(of(stallShare(felt, observed)), `${felt} of ${observed}`).toBe(false);
});
