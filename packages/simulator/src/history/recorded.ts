import type { AppliedDocument } from '@headgate/control';
import type { Digest, Instant, Plan, PrincipalId } from '@headgate/domain';
import type { Invariant } from './invariants.ts';

/** An entry of the log, as it was committed or read back; `@headgate/documents` decodes real ones into this shape. */
export interface Recorded {
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly at: Instant;
  readonly by: PrincipalId;
  readonly data: unknown;
}

/** What entries name by digest. Plans must all be there; without a document, what rests on it is not checked. */
export interface HistoryDocuments {
  plan(digest: Digest): Plan | undefined;
  /** With the spec as planner and gates take it; undefined leaves windows unchecked. */
  document(digest: Digest): Pick<AppliedDocument, 'kind' | 'name' | 'spec'> | undefined;
  /** The spell, by number, in which no standby could be failed over to; undefined: one could. Absent: that isn't checked. */
  standbySpell?(at: Instant): number | undefined;
  /** The spell in which both places of moved data don't agree; undefined: they do. Absent: that isn't checked. */
  moveSpell?(at: Instant): number | undefined;
}

/** An invariant that does not hold, with the entry (or effect) that showed it. */
export interface Violation {
  readonly invariant: Invariant;
  readonly why: string;
  readonly stream: string;
  readonly version: number;
  readonly at: Instant;
}

/** How a check reports: it goes on, because one cause may break several invariants. */
export type Report = (invariant: Invariant, why: string) => void;
