/**
 * A controller advances one kind of row: it gathers facts, asks the pure decider, and commits what it says, with the
 * versions of the facts. It has no opinion of its own. A conflict means that the facts were stale; the row stays due and
 * the next claim decides anew.
 */
import type { Instant } from '@headgate/domain';
import type { Committed, Row } from '../ports/store.ts';

export interface Controller {
  readonly kind: string;
  tick(row: Row, now: Instant): Promise<Committed>;
}
