/**
 * What people declare, as plain facts. The documents (`@headgate/documents/kinds`) turn YAML into these; nothing here
 * knows how they were written down.
 */

import type { Freeze } from '../calendars/window.ts';
import type { ActionKind, DocumentRef, GateSpec, RollbackScope } from '../plan/plan.ts';
import type { Tenancy } from './cell.ts';
import type { Contact } from './contact.ts';
import type { Digest, Instant } from './identity.ts';
import type { Operation } from './operation.ts';

export interface RingSpec {
  readonly name: string;
  /** How long the wave is watched before the next one may open. Milliseconds. */
  readonly soakMs: number;
}

export interface ApplicationSpec {
  readonly name: string;
  readonly tenancy: Tenancy;
  /** Environments in the order in which releases pass through them. */
  readonly pipeline: readonly string[];
  readonly rings: readonly RingSpec[];
  readonly verification: DocumentRef;
  readonly reconciliation?: DocumentRef;
  /** What customers do by name, so that it can be closed by itself; absent: none is declared. */
  readonly operations?: readonly Operation[];
}

export interface PolicySpec {
  readonly name: string;
  readonly gates: readonly GateSpec[];
  readonly rollbackScope: RollbackScope;
  /** How tenants with stores of their own are held; absent is `whole`. */
  readonly maintenance?: MaintenanceMode;
  /** Whether each store has to be a masked copy, found free of originals; absent is `not-required`. */
  readonly maskedCopies?: MaskedCopies;
  /** Digests of masking rules, by one of which alone; absent: by any. */
  readonly maskingRules?: readonly Digest[];
  /** From the request to the last moment at which a forward step may start. Milliseconds. */
  readonly latestFinishMs: number;
  /** How long an approval holds. Milliseconds. */
  readonly approvalMs: number;
  readonly attempts: number;
  /** By action; what isn't named takes `defaultTimeoutMs`. Milliseconds. */
  readonly timeoutsMs: Readonly<Partial<Record<ActionKind, number>>>;
  readonly defaultTimeoutMs: number;
  /** The watch after a promotion: one stage after the other. */
  readonly hypercare: readonly HypercareStage[];
}

export type MaskedCopies = 'required' | 'not-required';

/** Held as a whole at once, or at first for writes alone: while the restore point is taken, those who only read are served. */
export type MaintenanceMode = 'whole' | 'reads-first';

export interface HypercareStage {
  readonly name: string;
  /** Milliseconds. */
  readonly durationMs: number;
}

export interface CalendarSpec {
  readonly name: string;
  /** IANA name. */
  readonly timezone: string;
  readonly windows: readonly WindowSpec[];
  readonly freezes: readonly Freeze[];
}

export interface WindowSpec {
  readonly name: string;
  /** Local date-time of the first occurrence, `2026-01-01T00:00:00`. */
  readonly start: string;
  /** RFC 5545 recurrence rule without the `RRULE:` prefix. */
  readonly rrule: string;
  readonly durationMs: number;
}

export interface EnvironmentSpec {
  readonly name: string;
  readonly application: string;
  readonly policy: string;
  readonly calendars: readonly string[];
  readonly contacts?: readonly Contact[];
}

/** A freeze declared in an emergency; holds for what it names, or for everything. */
export interface DeclaredFreeze extends Freeze {
  readonly environment?: string;
  readonly declaredAt: Instant;
}
