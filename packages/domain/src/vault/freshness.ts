/** How fresh a store's restore points are, as facts: when the last one was taken, and what would be lost now. */
import type { Instant } from '../model/identity.ts';
import { isDatedAhead } from './dated-ahead.ts';
import type { VaultedPoint } from './retention.ts';

export interface Freshness {
  /** The newest that can be read; one that is dated ahead of now only where there is no other. Absent: there is none. */
  readonly newest?: { readonly id: string; readonly takenAt: Instant };
  /** What would be lost if the store were lost now: all that was written since. Milliseconds; absent: everything, or nobody knows. */
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
  /** How many can be read and are dated ahead of now by more than clocks differ; absent: none. */
  readonly datedAhead?: number;
}

/**
 * Reads it off the restore points of one store, and off the reach of its log if that goes on from the newest. What is ahead of now
 * by more than a minute, a restore point or a reach, was written by a clock that jumped: when that was nobody knows, and it says
 * nothing of what would be lost. Ahead by less it counts as of now.
 */
export function freshnessOf(points: readonly VaultedPoint[], now: Instant, reachedAt?: Instant): Freshness {
  const readable = points.filter((point) => point.readable);
  const dated = readable
    .filter(({ takenAt }) => !isDatedAhead(takenAt, now))
    .map(({ id, takenAt }) => ({ id, takenAt: Math.min(takenAt, now) }))
    .toSorted((a, b) => a.takenAt - b.takenAt);
  const unreadable = points.length - readable.length;
  const undated = readable.length - dated.length;
  const [lone] = readable;
  const newest = dated.at(-1) ?? (lone && { id: lone.id, takenAt: lone.takenAt });
  if (newest === undefined) return { unreadable };
  const moments = [...dated.map(({ takenAt }) => takenAt), now];
  const gaps = moments.slice(1).map((at, i) => at - moments[i]!);
  const ahead = reachedAt !== undefined && isDatedAhead(reachedAt, now);
  const known = [dated.at(-1)?.takenAt, ahead ? undefined : reachedAt].filter((at) => at !== undefined);
  return {
    ...{ newest, unreadable },
    ...(known.length > 0 && { ageMs: now - Math.min(now, Math.max(...known)) }),
    ...(gaps.length > 0 && { achievedRpoMs: Math.max(...gaps) }),
    ...(reachedAt !== undefined && { reachedAt }),
    ...(ahead && { ahead }),
    ...(undated > 0 && { datedAhead: undated }),
  };
}

/** When the next one is due: so long after the newest, at once where there is none or the age isn't known. */
export function nextDue(freshness: Freshness, everyMs: number): Instant {
  const { newest, datedAhead = 0, achievedRpoMs } = freshness;
  // Without a gap up to now none has a date that counts.
  if (newest === undefined || (datedAhead > 0 && achievedRpoMs === undefined)) return 0;
  return newest.takenAt + everyMs;
}
