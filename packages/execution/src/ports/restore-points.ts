import type { RestorePoint } from '@headgate/domain';
import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** A restore point that is kept, with what it was taken for. Its manifest is the one that was reported when it was taken. */
export interface KeptRestorePoint {
  /** `point.manifest` is the digest of the manifest that was read just now. */
  readonly point: RestorePoint;
  readonly rollout: string;
  readonly schemaVersion: number;
}

/** A restore point that can't be told what it is of: it can't be relied on, and it isn't nothing either. */
export interface UnreadableRestorePoint {
  readonly id: string;
  /** What it was taken for, as far as that is known beside it. */
  readonly rollout: string | undefined;
  /** What is wrong with its manifest, in words. */
  readonly why: string;
}

/** Newest first, both. */
export interface RestorePointList {
  readonly kept: readonly KeptRestorePoint[];
  readonly unreadable: readonly UnreadableRestorePoint[];
}

/** Which moment a restore goes to. Without one: the moment when the restore point was complete. */
export type RecoveryTarget =
  | { readonly kind: 'restore-point' }
  /** As far as the log goes. */
  | { readonly kind: 'latest'; readonly timeline?: number }
  | { readonly kind: 'time'; readonly at: string; readonly timeline?: number }
  | { readonly kind: 'transaction'; readonly xid: string }
  | { readonly kind: 'name'; readonly name: string; readonly timeline?: number }
  | { readonly kind: 'lsn'; readonly lsn: string };

/** Copies of a whole store (database and files together) from which it can be brought back. */
export interface RestorePoints {
  /** Takes one, or returns the one that this step took before. Not yet verified. */
  take(store: string, ctx: StepContext): Promise<Answer<RestorePoint>>;
  /** Reads every file back and compares. A difference is `check-failed` and names the file. */
  verify(store: string, id: string, signal: AbortSignal): Promise<Answer<RestorePoint>>;
  /** Names this moment in the store's log, before the rollout's first migration; absent: nobody keeps such a log. */
  mark?(store: string, ctx: StepContext): Promise<void>;
  /** All that there are of the store, also those that can't be read. */
  list(store: string): Promise<RestorePointList>;
  /** Replaces the store by what it was at the moment. Whatever was written since is gone: the plan says so. */
  restore(
    store: string,
    id: string,
    target: RecoveryTarget,
    ctx: StepContext,
  ): Promise<Answer<{ readonly schemaVersion: number }>>;
}
