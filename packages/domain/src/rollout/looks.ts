/**
 * When a rollout looks again: how long offers, questions and waits last, and when its row is due. Instants and durations in
 * milliseconds; nothing here reads a clock.
 */
import type { Verdict } from '../gates/gate.ts';
import type { Instant } from '../model/identity.ts';
import type { Rollout } from './state.ts';

/** How long an offer stands before it is made anew under a new fence. Milliseconds. */
export const OFFER_MS = 300_000;
/** How long a person has to answer before the undo tries again by itself. Milliseconds. */
export const ASK_MS = 3_600_000;
/** How often a closed gate is asked again when it gives no time itself. Milliseconds. */
export const LOOK_MS = 5_000;
/** How long anything waits to be woken before it looks by itself: a lost wake-up delays, and never stalls. Milliseconds. */
export const IDLE_LOOK_MS = 60_000;
/** A gate that says "ask again at once" is asked after this, so that a stale fact can't spin. Milliseconds. */
const SOON_MS = 50;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;

/** Events to append; with none, when to look again (null: only when woken). */
export interface Decision<E> {
  readonly events: readonly E[];
  readonly lookAt: Instant | null;
}

/** A wait's end, or an idle look before it. */
export function lookBefore(until: Instant, now: Instant): Instant {
  return Math.min(until, now + IDLE_LOOK_MS);
}

/** When a step that failed for now is tried again: each attempt waits twice as long as the one before, up to half a minute. */
export function retryAt(attempt: number, now: Instant): Instant {
  return now + Math.min(BACKOFF_MS * 2 ** attempt, BACKOFF_MAX_MS);
}

/** When a closed gate is asked again: when it says so, but neither at once nor only when it is too late. */
export function askAgain(closed: Verdict, now: Instant): Instant {
  return lookBefore(Math.max(closed.askAgainAt ?? now + LOOK_MS, now + SOON_MS), now);
}

/** When the row is due for this state. The holder's renewals postpone a leased row; everything else stands in the state. */
export function dueOfRollout(state: Rollout, now: Instant): Instant | null {
  switch (state.phase) {
    case 'waiting':
      return lookBefore(state.lookAt, now);
    case 'leased':
      return Math.min(now + state.leaseMs, state.until);
    case 'offered':
    case 'asking':
      return lookBefore(state.until, now);
    case 'failed':
      return now + IDLE_LOOK_MS;
    case 'settled':
      return null;
  }
}
