/** What goes from a repository, and what a rollout may still go back to. */
import { expect, test } from 'vitest';
import { expiryOf, neededBackup } from './expire-backups.ts';

const day = (n: number): string => `202611${String(n).padStart(2, '0')}-000000F`;
const full = (n: number) => ({ label: day(n), type: 'full' as const });
const incr = (n: number) => ({ label: `${day(n)}_202611${String(n).padStart(2, '0')}-120000I`, type: 'incr' as const });
const four = [full(1), incr(1), full(8), incr(8), full(15), full(22)];

test('so many full backups stay as are kept, where no rollout needs an older one', () => {
  expect(expiryOf(four, 2)).toEqual({ sets: [], full: 2 });
  expect(expiryOf(four, 2, incr(15).label)).toEqual({ sets: [], full: 2 });
  expect(expiryOf(four, 2, day(3))).toEqual({ sets: [], full: 2 });
  expect(expiryOf([], 2, day(1))).toEqual({ sets: [], full: 2 });
});

test('one that a rollout may go back to stays, with the kept ones; what lies between them and all that is older goes', () => {
  expect(expiryOf(four, 1, incr(8).label)).toEqual({ sets: [day(15)], full: 2 });
  expect(expiryOf(four, 2, day(1))).toEqual({ sets: [day(8)], full: 3 });
  expect(expiryOf(four, 3, day(1))).toEqual({ sets: [], full: 4 });
});

test('needed is the oldest of the rollout at work; by schedule, of the last one that took any', () => {
  const taken = (rollout: string, n: number) => ({ rollout, pgbackrest: { label: day(n) } }) as never;
  const all = [taken('schedule', 9), taken('r2', 8), taken('r2', 7), taken('schedule', 6), taken('r1', 5)];
  expect(neededBackup(all, 'r1')).toBe(day(5));
  expect(neededBackup(all, 'schedule')).toBe(day(7));
  expect(neededBackup(all, 'r3')).toBeUndefined();
  expect(neededBackup([taken('schedule', 9)], 'schedule')).toBeUndefined();
});
