/** What an agent tells of a store's vault, by what it saw last and how far the log goes. */
import { expect, test } from 'vitest';
import type { StoreWal } from '../schedule/wal-rounds.ts';
import { type Standing, toldOf } from './vault-rounds.ts';

const HOUR = 3_600_000;
const OF = { store: 'main', where: 'vault', rpoMs: HOUR } as const;

/** Hours from now; those of the past are negative. */
function told(takenIn: number, reachedIn?: number) {
  const now = Date.now();
  const at = (hours: number) => now + hours * HOUR;
  const seen = { newest: { id: 'rp-1', takenAt: at(takenIn) }, unreadable: 0, goesOn: true, at: performance.now() };
  const wal: StoreWal | undefined =
    reachedIn === undefined ? undefined : { store: 'main', where: 'vault', reachedAt: at(reachedIn) };
  const { lostMs, why } = toldOf(OF, { seen } satisfies Standing, wal) ?? {};
  return { lost: lostMs === undefined ? undefined : Math.round(lostMs / HOUR), why };
}

test('what would be lost is what was written since the newest restore point, or since the log ends', () => {
  expect(told(-5)).toEqual({ lost: 5, why: undefined });
  expect(told(-5, -2)).toEqual({ lost: 2, why: undefined });
});

test('what a clock that jumped ahead has written says nothing of what would be lost', () => {
  const words = 'rp-1 is dated ahead of the clock here: when it was taken nobody knows';
  expect(told(24)).toEqual({ lost: undefined, why: words });
  expect(told(24, -2)).toEqual({ lost: 2, why: words });
  // Its log does no more.
  expect(told(-5, 24)).toEqual({ lost: 5, why: undefined });
});
