/**
 * One message to one channel, from its making to its end:
 *
 *   waiting ── it is due ──▶ sending ── delivered ──▶ sent
 *      ▲  more of the same is folded in │ failed, and may be tried again · the sender died
 *      └────────────────────────────────┤
 *                                       └── refused for good, or too often, or too old ──▶ given-up ── retried ──▶ waiting
 *
 * An attempt is an entry before it is made, so nobody folds into what is on its way, and two servers don't send at once.
 * A sender that dies leaves it `sending`; when that runs out it is due again, with the same id.
 */
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { HappeningKind } from './happening.ts';
import type { Audience } from './rule.ts';

/** What a message says of one happening: for customers without reasons, cells and ids. */
export interface Item {
  readonly happening: HappeningKind;
  readonly at: Instant;
  readonly application: string;
  readonly environment: string;
  readonly version: string;
  readonly promotion?: string;
  readonly words?: string;
  readonly cell?: string;
  readonly wave?: number;
  readonly result?: string;
  /** Of customers: which of theirs, without the cell. */
  readonly tenants?: readonly string[];
}

/** What a message is about: one happening, several that were gathered, an event for programs, or somebody's trial. */
export type DeliveryKind = HappeningKind | 'digest' | 'event' | 'test';

export interface DeliveryCore {
  /** Stays the same over all attempts: receivers tell repetitions by it. */
  readonly id: string;
  /** The Notification that it was made by. */
  readonly rule: string;
  readonly channel: string;
  readonly audience: Audience;
  readonly about: DeliveryKind;
  readonly urgent: boolean;
  /** Absent when it is about several, or none. */
  readonly promotion?: string;
  /** The first happenings; `count` says how many there were. */
  readonly items: readonly Item[];
  readonly count: number;
  /** A CloudEvent, of `event` alone. */
  readonly event?: Readonly<Record<string, unknown>>;
  readonly madeAt: Instant;
  /** Attempts so far, since it was made or retried by a person. */
  readonly attempt: number;
  /** Why the last attempt failed. */
  readonly why?: string;
  /** It is given up at this age, whatever the attempts say. */
  readonly giveUpAt: Instant;
}

export type DeliveryPhase =
  | { readonly phase: 'waiting'; readonly dueAt: Instant }
  | { readonly phase: 'sending'; readonly until: Instant }
  | { readonly phase: 'sent'; readonly at: Instant }
  | { readonly phase: 'given-up'; readonly at: Instant };

export type Delivery = DeliveryCore & DeliveryPhase;

export type QueuedDelivery = Omit<DeliveryCore, 'attempt' | 'why' | 'giveUpAt'> & { readonly dueAt: Instant };

/** What can happen to a delivery: the log's words. */
export type DeliveryEvent =
  | { readonly type: 'delivery.queued'; readonly data: QueuedDelivery }
  | { readonly type: 'delivery.folded'; readonly data: { readonly more: number; readonly items: readonly Item[] } }
  | { readonly type: 'delivery.attempted'; readonly data: { readonly attempt: number; readonly until: Instant } }
  | { readonly type: 'delivery.failed'; readonly data: { readonly why: string; readonly dueAt: Instant } }
  | { readonly type: 'delivery.sent'; readonly data: { readonly attempt: number; readonly at: Instant } }
  | { readonly type: 'delivery.given-up'; readonly data: { readonly why: string; readonly at: Instant } }
  | { readonly type: 'delivery.retried'; readonly data: { readonly by: PrincipalId; readonly at: Instant } };

/** Happenings that a message names; more are only counted. Bounded by an entry's size. */
export const MOST_ITEMS = 40;
/** After these a delivery is given up. */
export const MOST_ATTEMPTS = 12;
/** A delivery that couldn't be made within this time is given up. Milliseconds. */
export const MOST_AGE_MS = 24 * 3_600_000;
const LONGEST_BACKOFF_MS = 3_600_000;

/** Folds one event into a delivery's state. */
export function evolveDelivery(state: Delivery | undefined, event: DeliveryEvent): Delivery {
  if (event.type === 'delivery.queued') {
    const { dueAt, ...core } = event.data;
    return { ...core, attempt: 0, giveUpAt: dueAt + MOST_AGE_MS, phase: 'waiting', dueAt };
  }
  if (state === undefined) throw new Error(`the first event of a delivery is delivery.queued, not ${event.type}`);
  const core = coreOf(state);
  switch (event.type) {
    case 'delivery.folded': {
      if (state.phase !== 'waiting') throw new Error(`nothing is folded into a delivery that is ${state.phase}`);
      const items = [...core.items, ...event.data.items].slice(0, MOST_ITEMS);
      return { ...core, items, count: core.count + event.data.more, phase: 'waiting', dueAt: state.dueAt };
    }
    case 'delivery.attempted':
      return { ...core, attempt: event.data.attempt, phase: 'sending', until: event.data.until };
    case 'delivery.failed':
      return { ...core, why: event.data.why, phase: 'waiting', dueAt: event.data.dueAt };
    case 'delivery.sent':
      return { ...core, phase: 'sent', at: event.data.at };
    case 'delivery.given-up':
      return { ...core, why: event.data.why, phase: 'given-up', at: event.data.at };
    case 'delivery.retried': {
      const { at } = event.data;
      return { ...core, attempt: 0, giveUpAt: at + MOST_AGE_MS, phase: 'waiting', dueAt: at };
    }
  }
}

function coreOf(state: Delivery): DeliveryCore {
  const { phase: _, dueAt: __, until: ___, at: ____, ...core } = state as Delivery & Record<string, unknown>;
  return core as unknown as DeliveryCore;
}

/** When a delivery's row is due; null when it has ended. */
export function dueOfDelivery(delivery: Delivery): Instant | null {
  if (delivery.phase === 'waiting') return delivery.dueAt;
  return delivery.phase === 'sending' ? delivery.until : null;
}

/** How an attempt ended. */
export type Attempted =
  | { readonly kind: 'delivered' }
  /** Trying again is no use: the receiver says so, or the channel isn't there any more. */
  | { readonly kind: 'refused'; readonly why: string }
  /** With `notBefore` when the receiver said when. */
  | { readonly kind: 'failed'; readonly why: string; readonly notBefore?: Instant };

/**
 * What follows from an attempt. Waits a second at first and four times as long after each failure, at most an hour;
 * `chance` from 0 to 1 takes up to a half off, so that many don't come back in the same moment.
 */
export function afterAttempt(delivery: Delivery, outcome: Attempted, now: Instant, chance: number): DeliveryEvent {
  const { attempt, giveUpAt } = delivery;
  switch (outcome.kind) {
    case 'delivered':
      return { type: 'delivery.sent', data: { attempt, at: now } };
    case 'refused':
      return { type: 'delivery.given-up', data: { why: outcome.why, at: now } };
    case 'failed': {
      const backoffMs = Math.min(1_000 * 4 ** Math.max(0, attempt - 1), LONGEST_BACKOFF_MS);
      const dueAt = Math.max(now + Math.ceil(backoffMs * (1 - chance / 2)), outcome.notBefore ?? 0);
      const spent =
        attempt >= MOST_ATTEMPTS ? `after ${attempt} attempts` : dueAt >= giveUpAt ? 'it would be too late' : undefined;
      if (spent === undefined) return { type: 'delivery.failed', data: { why: outcome.why, dueAt } };
      return { type: 'delivery.given-up', data: { why: `${spent}: ${outcome.why}`, at: now } };
    }
  }
}
