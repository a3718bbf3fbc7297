import { expect, test } from 'vitest';
import type { Undoing } from './journal.ts';
import type { Standing } from './standing.ts';
import { wentBack } from './watch.ts';

const standing = { last: { rollout: 'prm_1.shop' } } as Standing;
const undoing = (scope: Undoing['scope'], phase: Undoing['phase'], rollout = 'prm_1.shop') =>
  ({ rollout, phase, scope }) as Undoing;
const cell = { kind: 'cell', wave: 1, cell: 'shop' } as const;

test.each([
  ['the cell, to its end', undoing(cell, 'finished'), true],
  ['everything, to its end', undoing({ kind: 'all', wave: 1 }, 'finished'), true],
  ['a tenant alone', undoing({ kind: 'tenant', wave: 1, cell: 'shop', tenants: ['ada'] }, 'finished'), false],
  ['the cell, and stands still', undoing(cell, 'stopped'), false],
  ['the cell, and is at it', undoing(cell, 'going'), false],
  ['the cell, in another rollout', undoing(cell, 'finished', 'prm_0.shop'), false],
  ['nothing', undefined, false],
])('of an agent that took back %s, a wave is over in the cell: %s', (_, last, over) => {
  expect(wentBack(last as Undoing | undefined, standing)).toBe(over);
});
