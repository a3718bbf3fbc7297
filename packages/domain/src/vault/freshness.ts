/** How fresh a store's restore points are, as facts: when the last one was taken, and what would be lost now. */
import type { Instant } from '../model/identity.ts';
import type { VaultedPoint } from './retention.ts';

/** How far the clock of the machine that wrote may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

export interface Freshness {
  /** The newest that can be read; absent: there is none. */
  readonly newest?: { readonly id: string; readonly takenAt: Instant };
  /** What would be lost if the store were lost now: all that was written since. Milliseconds; absent: everything. */
  readonly ageMs?: number;
  /**
   * The longest time between two restore points one after the other, up to now: what would have been lost at the worst moment.
   * Milliseconds; absent: there is none.
   */
  readonly achievedRpoMs?: number;
  /** Up to which moment the log lies there that goes on from the newest; absent: there is none. */
  readonly reachedAt?: Instant;
  /** That this moment lies ahead of now by more than clocks differ: then it counts for nothing. */
  readonly ahead?: true;
  /** How many can't be read. */
  readonly unreadable: number;
}

/**
 * Reads it off the restore points of one store, and off the reach of its log if that goes on from the newest. A restore point that
 * is dated ahead of now counts as of now. A reach that is ahead by more than a minute was written by a clock that jumped: what
 * it says of the log's end nobody knows.
 */
export function freshnessOf(points: readonly VaultedPoint[], now: Instant, reachedAt?: Instant): Freshness {
  const readable = points
    .filter((point) => point.readable)
    .map(({ id, takenAt }) => ({ id, takenAt: Math.min(takenAt, now) }))
    .toSorted((a, b) => a.takenAt - b.takenAt);
  const unreadable = points.length - readable.length;
  const newest = readable.at(-1);
  if (newest === undefined) return { unreadable };
  const moments = [...readable.map(({ takenAt }) => takenAt), now];
  const gaps = moments.slice(1).map((at, i) => at - moments[i]!);
  const ahead = reachedAt !== undefined && reachedAt - now > CLOCK_STEP_MS;
  const last = Math.max(newest.takenAt, ahead ? 0 : Math.min(reachedAt ?? 0, now));
  return {
    ...{ newest, ageMs: now - last, achievedRpoMs: Math.max(...gaps), unreadable },
    ...(reachedAt !== undefined && { reachedAt }),
    ...(ahead && { ahead }),
  };
}

/** When the next one is due: so long after the newest, at once where there is none or the age isn't known. */
export function nextDue(freshness: Freshness, everyMs: number): Instant {
  return freshness.newest === undefined ? 0 : freshness.newest.takenAt + everyMs;
}
