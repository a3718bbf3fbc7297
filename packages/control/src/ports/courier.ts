/**
 * Takes one message to one channel. It answers how that ended and never throws for what a receiver does; it tries once,
 * within its own time limit, and says nothing of secrets in its words.
 */
import type { Channel } from '@headgate/documents';
import type { Overrides } from '@headgate/documents/words/render';
import type { Attempted, Delivery, Instant } from '@headgate/domain';

export interface Parcel {
  readonly delivery: Delivery;
  readonly channel: Channel;
  /** What the Notification says instead of the shipped words. */
  readonly overrides: Overrides;
  /** The control plane's clock, when it was handed over. */
  readonly at: Instant;
}

export interface Courier {
  send(parcel: Parcel, stop: AbortSignal): Promise<Attempted>;
}
