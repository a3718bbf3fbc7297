import { expect, test } from 'vitest';
import { stepResult } from './assignment.ts';

test('a step can’t say that both sides agree while somebody is asked, or while their sums differ', () => {
  const sums = (right: string) => [{ field: 'total', unit: 'EUR', left: '119', right }];
  const told = (more: object) =>
    stepResult.safeParse({
      reconciliation: { compared: 2, replayed: 0, acknowledged: 0, asked: 0, sums: sums('119'), agrees: true, ...more },
    }).success;
  expect(told({})).toBe(true);
  expect(told({ asked: 1 })).toBe(false);
  expect(told({ sums: sums('118') })).toBe(false);
  expect(told({ asked: 1, sums: sums('118'), agrees: false })).toBe(true);
});
