/**
 * A rollout takes one cell through one promotion's plan: its own stream, row and tick, so that 500 cells don't queue on
 * one version. It hands out one step at a time, forward or undo:
 *
 *   waiting ── offer ──▶ offered ── lease ──▶ leased ── settle(done) ──▶ waiting (next step) … ──▶ settled
 *      ▲                    │                   │ settle(failed, may retry) · lease lost
 *      └────────────────────┴───────────────────┘
 *   leased ── settle(failed for good) ──▶ failed ── the promotion decides ──▶ waiting (first undo step)
 *   any ── unknown, or an undo that keeps failing ──▶ asking ── a person answers, or the deadline does ──▶ waiting
 *   asking, to lose data ── a person declines ──▶ settled(kept): as it stands
 *
 * The plan isn't in the state; `cursor` points into it. `begun` counts the forward steps that may have had an effect.
 */
import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import type { FailureCode, RestorePoint } from '../model/outcome.ts';
import type { Scope } from '../plan/undo.ts';

export interface RolloutCore {
  readonly id: string;
  readonly promotion: string;
  readonly cell: string;
  readonly environment: string;
  readonly planDigest: Digest;
  readonly epoch: number;
  /** The last assignment offered: the fence's second half. Goes on from the cell's rollout before, never back. */
  readonly n: number;
  /** Forward steps that are done. */
  readonly cursor: number;
  /** Forward steps that may have had an effect: cursor, or cursor + 1; more where a restored control plane was told so. */
  readonly begun: number;
  /** Failures and lost leases of the step at hand. */
  readonly attempt: number;
  readonly undo: {
    readonly scope: Scope;
    readonly because: string;
    readonly cursor: number /** An approver's yes to the step at hand. */;
    readonly agreed: boolean;
  } | null;
  /** Undo steps that may have had an effect though `undo` doesn't count them, since it began anew; absent: none. */
  readonly tried?: readonly string[];
  readonly restorePoints: readonly RestorePoint[];
  /** Its plan has operations closed, of which servers from before that know nothing: they leave it alone. */
  readonly closesOperations?: true;
}

export type RolloutPhase =
  /** `until` is the wait's deadline; `lookAt` when the controller looks by itself; woken, it looks at once, but not before `notBefore`. */
  | {
      readonly phase: 'waiting';
      readonly reason: string;
      readonly until: Instant;
      readonly lookAt: Instant;
      readonly notBefore: Instant;
    }
  | { readonly phase: 'offered'; readonly step: string; readonly until: Instant }
  | {
      readonly phase: 'leased';
      readonly step: string;
      readonly agent: PrincipalId;
      readonly leaseMs: number;
      readonly until: Instant;
    }
  | {
      readonly phase: 'failed';
      readonly step: string;
      readonly code: FailureCode;
      readonly why: string;
      readonly tenants: readonly string[];
      readonly until: Instant;
    }
  | { readonly phase: 'asking'; readonly step: string; readonly question: string; readonly until: Instant }
  | { readonly phase: 'settled'; readonly result: 'completed' | 'undone' | 'kept' };

export type Rollout = RolloutCore & RolloutPhase;
