import type { Instant, PrincipalId } from '../model/identity.ts';

/** Whether a calendar is inside one of its windows, and when that changes next. */
export interface WindowFact {
  readonly calendar: string;
  readonly open: boolean;
  /** When it closes (if open) or opens (if closed); absent when nothing is known. */
  readonly changesAt?: Instant;
}

/** A time in which nothing moves forward. `from` is inclusive, `to` exclusive. Freezes win over windows. */
export interface Freeze {
  readonly name: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: string;
  /** Who declared it; absent for a calendar's, and for older ones. */
  readonly by?: PrincipalId;
}

/** The end of a freeze that holds until somebody lifts it: the last instant that a date can name. */
export const UNTIL_LIFTED: Instant = 8.64e15;

/** Until when a freeze holds, in words. */
export function freezeEndText({ to }: Pick<Freeze, 'to'>): string {
  return to >= UNTIL_LIFTED ? 'until it is lifted' : `until ${instantText(to)}`;
}

/** The freeze that holds at an instant; of several, the one that ends last. */
export function activeFreeze(freezes: readonly Freeze[], now: Instant): Freeze | undefined {
  let held: Freeze | undefined;
  for (const freeze of freezes) {
    if (freeze.from <= now && now < freeze.to && (held === undefined || freeze.to > held.to)) held = freeze;
  }
  return held;
}

/** An instant as people and logs read it, in UTC; what lies outside the calendar's range is given as its number. */
export function instantText(at: Instant): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : `${at} ms`;
}
