import type { Digest, ReleaseManifest } from '@headgate/domain';
import type { Fence } from '@headgate/domain/protocol/fence';

/** What an executor knows about the step that it carries out, and the only ways by which bytes reach it. */
export interface StepContext {
  readonly cell: string;
  readonly environment: string;
  readonly application: string;
  readonly rollout: string;
  readonly step: string;
  /** The release that the step's plan promotes; absent where no plan stands behind the step (a system is brought up). */
  readonly release?: Digest;
  /** Goes with every effect; a target that has seen a higher one refuses it. */
  readonly fence: Fence;
  /** `rollout/step`: the same for every attempt at this step. */
  readonly idempotencyKey: string;
  /** Milliseconds until the assignment's lifetime ends, on the agent's monotonic clock. Zero or less: act no more. */
  remainingMs(): number;
  /** Aborted when the lifetime ends or the agent stops. */
  readonly signal: AbortSignal;
  /** A release's manifest, its signature verified against the agent's own trust and its digest against the name. */
  manifest(digest: Digest): Promise<ReleaseManifest>;
  /** Bytes of a file, verified against the digest. */
  blob(digest: Digest): Promise<Uint8Array>;
  /** A declared document (Verification, Reconciliation …), verified against the digest of its canonical JSON. */
  document(digest: Digest): Promise<unknown>;
  /**
   * Hears what a migration took that was run from its beginning to its end: milliseconds, of the migration alone. Nothing is
   * said of one that was there already, or that an earlier attempt began. Absent: nobody asks.
   */
  took?(migration: string, durationMs: number): void;
  /** One line for people who watch. Never a secret, never customers' data. */
  log(event: string): void;
}
