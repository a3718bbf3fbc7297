import { expect, test } from 'vitest';
import { MoveConfig } from './move-config.ts';

const move = (old: string, its: string) =>
  MoveConfig.safeParse({ old, new: its, key: ['id'], compare: ['amount'], writtenBy: ['2.0.0'] });

test('a move goes from one query to another: a place that is compared with itself agrees whatever was lost', () => {
  expect(move('select id, amount from old', 'select id, amount from new').success).toBe(true);
  const same = move('select id, amount from old', 'select id,\n  amount from old;');
  expect(same.error?.issues).toMatchObject([{ path: ['new'], message: expect.stringContaining('the same query') }]);
});
