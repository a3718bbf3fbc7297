/** When a store's next restore point and its next drill are due, and which comes first. */
import type { Instant } from '../model/identity.ts';
import { type Freshness, nextDue } from './freshness.ts';

/** What restore points that were taken by schedule say they were taken for: no rollout goes back to one by itself. */
export const SCHEDULED = 'schedule';

/** Whether a restore point was taken for a rollout, which may need it to go back. */
export function takenForRollout({ rollout }: { readonly rollout?: string }): boolean {
  return rollout !== undefined && rollout !== SCHEDULED && !isLastingPoint({ rollout });
}

const WAY_BACK = 'way-back/';

/**
 * What a restore point says it was taken for that keeps what a step's program takes away from a store: no rollout goes back to
 * one, and no retention removes it.
 */
export function beforeWayBack(rollout: string, step: string): string {
  return `${WAY_BACK}${rollout}/${step}`;
}

/** Whether a restore point stays until a person lets it go. */
export function isLastingPoint({ rollout }: { readonly rollout?: string }): boolean {
  return rollout?.startsWith(WAY_BACK) === true;
}

/** How something that is done again and again went lately. */
export interface Attempts {
  /** Failures since it last succeeded. */
  readonly failures: number;
  /** When it was tried last. */
  readonly triedAt?: Instant;
}

export interface ScheduledStore {
  readonly cell: string;
  readonly store: string;
  /** Absent: restore points aren't taken by schedule. */
  readonly points?: Attempts & {
    readonly everyMs: number;
    readonly freshness: Freshness;
    /** The log that lies there has a gap: nothing that was written after it comes back before there is another restore point. */
    readonly gap?: boolean;
  };
  /** Absent: it isn't drilled by schedule. `lastAt`: when a drill last went well. */
  readonly drills?: Attempts & { readonly everyMs: number; readonly lastAt?: Instant };
}

export interface Scheduled {
  readonly cell: string;
  readonly store: string;
  readonly what: 'restore-point' | 'drill';
  readonly dueAt: Instant;
}

/** Between two restore points that are taken for a gap: one mends it, but for a log that loses a piece again and again. */
const GAP_EVERY_MS = 300_000;
const FIRST_BACKOFF_MS = 15_000;
const LONGEST_BACKOFF_MS = 3_600_000;

/** All that will be due, what is due first at first. Of two a restore point: a drill of an older one tells less. */
export function scheduledWork(stores: readonly ScheduledStore[]): readonly Scheduled[] {
  const all = stores.flatMap(({ cell, store, points, drills }): Scheduled[] => [
    ...(points === undefined
      ? []
      : [
          {
            cell,
            store,
            what: 'restore-point' as const,
            dueAt: notBefore(nextDue(points.freshness, pointEveryMs(points)), points),
          },
        ]),
    ...(drills === undefined
      ? []
      : [
          {
            cell,
            store,
            what: 'drill' as const,
            dueAt: notBefore(drills.lastAt === undefined ? 0 : drills.lastAt + drills.everyMs, drills),
          },
        ]),
  ]);
  const rank = ({ what }: Scheduled): number => (what === 'restore-point' ? 0 : 1);
  return all.toSorted((a, b) => a.dueAt - b.dueAt || rank(a) - rank(b));
}

function pointEveryMs({ everyMs, gap }: NonNullable<ScheduledStore['points']>): number {
  return gap === true ? Math.min(everyMs, GAP_EVERY_MS) : everyMs;
}

/** What failed is tried again later and later, at most an hour, and no later than every so often. */
export function notBefore(
  dueAt: Instant,
  { failures, triedAt, everyMs }: Attempts & { readonly everyMs: number },
): Instant {
  if (failures === 0 || triedAt === undefined) return dueAt;
  const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20), LONGEST_BACKOFF_MS, everyMs);
  return Math.max(dueAt, triedAt + backoffMs);
}
