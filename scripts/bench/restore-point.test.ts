import { expect, test } from 'vitest';
import { figure } from './figure.ts';
import { timesTheBareTool } from './restore-point.ts';

/** Answers with these milliseconds in turn; the first is the warm-up. */
const turns = (...ms: number[]) => {
  let at = 0;
  return async () => ms[at++]!;
};

test('a restore point is measured by medians, warm, in turns', async () => {
  const bare = turns(9_000, 100, 110, 90, 105, 95);
  const ours = turns(9_000, 120, 500, 125, 130, 110);
  expect(await timesTheBareTool(bare, ours)).toBeCloseTo(1.25);
});

test('turns bad when sealing takes too long, and when nothing was measured', async () => {
  const bare = () => turns(1, 100, 100, 100, 100, 100);
  expect(figure('restore-point', await timesTheBareTool(bare(), turns(1, 130, 130, 130, 130, 130))).ok).toBe(true);
  expect(figure('restore-point', await timesTheBareTool(bare(), turns(1, 140, 140, 140, 130, 130))).ok).toBe(false);
  expect(figure('restore-point', await timesTheBareTool(turns(0, 0, 0, 0, 0, 0), bare())).ok).toBe(false);
});
