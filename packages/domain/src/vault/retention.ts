/** Which restore points of one store stay in a vault, and which go. */
import type { Instant } from '../model/identity.ts';
import { isDatedAhead } from './dated-ahead.ts';
import { isLastingPoint } from './schedule.ts';

export interface VaultedPoint {
  readonly id: string;
  readonly takenAt: Instant;
  /** Its signed manifest was read and is right. What can't be read is nobody's to remove but a person's. */
  readonly readable: boolean;
  /** What it was taken for; absent where it can't be read. */
  readonly rollout?: string;
}

/** How many are kept: the newest, and the last of each of so many days and weeks. What any rule keeps is kept. */
export interface RetentionRule {
  readonly last: number;
  readonly days: number;
  readonly weeks: number;
}

export interface RetentionDecision {
  readonly id: string;
  readonly because: string;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/**
 * Decides it. The newest one that can be read always stays, and so do those that a rollout needs on its way back. Days and
 * weeks are of UTC, weeks from Monday on; of each the last restore point is kept, counted back from the newest one and not
 * from a clock: a store of which none is taken any more loses none. One that is dated ahead of now takes nobody's place: else what
 * a clock that jumped has written would have each later one removed as it is taken.
 */
export function decideRetention(
  points: readonly VaultedPoint[],
  rule: RetentionRule,
  needed: ReadonlySet<string>,
  now: Instant,
): { readonly keep: readonly RetentionDecision[]; readonly remove: readonly RetentionDecision[] } {
  // By name where two are of one moment: the answer must not depend on the order of a list.
  const newestFirst = points.toSorted((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1));
  // What lasts until a person lets it go takes nobody's place.
  const readable = newestFirst.filter(
    (point) => point.readable && !isLastingPoint(point) && !isDatedAhead(point.takenAt, now),
  );
  const lastOfDays = lastOfEach(readable, rule.days, (at) => Math.floor(at / DAY_MS));
  // The first of January 1970 was a Thursday.
  const lastOfWeeks = lastOfEach(readable, rule.weeks, (at) => Math.floor((at + 3 * DAY_MS) / WEEK_MS));
  const newest = new Set(readable.slice(0, Math.max(1, rule.last)).map(({ id }) => id));
  const keep: RetentionDecision[] = [];
  const remove: RetentionDecision[] = [];
  for (const { id, readable: known, rollout, takenAt } of newestFirst) {
    const because = !known
      ? "it can't be read: a person has to look at it"
      : isLastingPoint({ ...(rollout !== undefined && { rollout }) })
        ? 'a program’s way back took away what it has: a person lets it go'
        : isDatedAhead(takenAt, now)
          ? 'it is dated ahead of now: nobody knows when it was taken'
          : id === readable[0]!.id
            ? 'it is the newest'
            : rollout !== undefined && needed.has(rollout)
              ? `the rollout ${rollout} may need it to go back`
              : newest.has(id)
                ? `it is one of the last ${rule.last}`
                : lastOfDays.has(id)
                  ? 'it is the last of its day'
                  : lastOfWeeks.has(id)
                    ? 'it is the last of its week'
                    : undefined;
    if (because !== undefined) keep.push({ id, because });
    else remove.push({ id, because: 'no rule keeps it' });
  }
  return { keep, remove };
}

/** The newest of each of the last so many periods in which there is one. */
function lastOfEach(
  newestFirst: readonly VaultedPoint[],
  periods: number,
  periodOf: (at: Instant) => number,
): ReadonlySet<string> {
  const seen = new Map<number, string>();
  for (const { id, takenAt } of newestFirst) {
    const period = periodOf(takenAt);
    if (!seen.has(period) && seen.size < periods) seen.set(period, id);
  }
  return new Set(seen.values());
}
