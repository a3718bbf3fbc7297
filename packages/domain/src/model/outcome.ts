import type { SideSum } from '../reconcile/side-sums.ts';
import type { ClassCounts } from '../reconcile/transaction-class.ts';
import type { MigrationTime } from '../rehearsal/promised.ts';
import type { Digest, Instant } from './identity.ts';

/**
 * One outcome, one signal. A step is done, waits for something that it names, or failed with a code and a reason.
 * "Unknown, ask a person" is a waiting with the reason `ask`.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly result: StepResult }
  | { readonly kind: 'waiting'; readonly reason: string; readonly untilMs: number }
  | { readonly kind: 'failed'; readonly code: FailureCode; readonly why: string; readonly result?: StepResult };

/** `transient` may be tried again; `rejected` and `check-failed` may not; `unknown` asks a person. */
export type FailureCode = 'transient' | 'rejected' | 'check-failed' | 'fenced' | 'expired' | 'unknown';

/** Migrations whose time one result tells: an entry of the log is bounded. */
export const MOST_MEASURED = 100;

/** What a step brought back. Small: anything large goes to a blob and is named by its digest. */
export interface StepResult {
  /** Restore point taken by a `restore-point` step. */
  readonly restorePoint?: RestorePoint;
  /** Taken before a program of the application took a store's schema back: it has what that took away. */
  readonly keptBefore?: RestorePoint;
  /** Store's schema version, read back after a `migrate` step. */
  readonly schemaVersion?: number;
  /**
   * What each migration took that a `migrate` step ran from its beginning to its end, by the agent's monotonic clock; at most
   * {@link MOST_MEASURED}, those that took longest. Absent: none ran, or told by an agent that knew nothing of it.
   */
  readonly migrations?: readonly MigrationTime[];
  /** Tenants that were read back from the router as a `route`, `hold` or `open` step wants them. */
  readonly routed?: number;
  /** Checks of a `verify` or `soak` step. */
  readonly checks?: CheckSummary;
  /** Findings of a `reconcile` step. */
  readonly reconciliation?: ReconciliationSummary;
  /** When the effect was read back at its target (agent's wall clock, milliseconds), for measuring; never for deciding. */
  readonly observedAt?: Instant;
}

/** The part of a result that tells of business transactions. */
export type ReportedResult = Pick<StepResult, 'checks' | 'reconciliation'>;

export interface RestorePoint {
  readonly id: string;
  readonly store: string;
  readonly takenAt: Instant;
  /** Digest of the signed manifest of all files. */
  readonly manifest: Digest;
  readonly bytes: number;
  /** Only true when every file was read back and compared. */
  readonly verified: boolean;
}

export interface CheckSummary {
  readonly passed: number;
  readonly failed: number;
  /** The first failure, in words; at most 500 characters. */
  readonly firstFailure?: {
    readonly check: string;
    readonly tenant: string;
    readonly why: string;
    /** When the first look of this check failed, for measuring; it may look again, as its document says, before it judges. */
    readonly since?: Instant;
    /** When it was judged as failed. */
    readonly at: Instant;
  };
}

export interface ReconciliationSummary {
  readonly compared: number;
  readonly replayed: number;
  readonly acknowledged: number;
  /** Differences that no rule covers: put before a person. */
  readonly asked: number;
  /** Taken back by a rule; absent: none, or told by an agent that knew nothing of it. The same of the next three. */
  readonly cancelled?: number;
  /** Of which the difference was booked. */
  readonly posted?: number;
  /** What was mended or put before a person, by class. */
  readonly classes?: ClassCounts;
  /** Of both sides at the end, without customers' newer business; at most 50, the rest is judged and not told. */
  readonly sums?: readonly SideSum[];
  /** Nothing is left to ask, and the sums are equal to the last digit. */
  readonly agrees: boolean;
  readonly report?: Digest;
}
