import type { ArtifactFile, MigrationRef, StoreState } from '@headgate/domain';
import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** A migration on its way back: `file` is what takes it back, `up` what the release says it went forward with. */
export interface MigrationBack extends MigrationRef {
  readonly up: ArtifactFile;
}

/** Changes a store's schema, one version at a time, each exactly once. */
export interface Migrator {
  /** The cell's stores. */
  readonly stores: readonly string[];
  /**
   * Whether a way back of the store is a program of which nobody knows what it takes away, so that nothing of that is kept by
   * whoever runs it. Absent: of no store.
   */
  byProgram?(store: string): boolean;
  /** The store's schema version; 0 before the first migration. Throws, in words, when it is at none that a release leaves. */
  version(store: string): Promise<number>;
  /** What is seen of the store, also when it is at no version that a release leaves. */
  look(store: string): Promise<StoreState>;
  /** From `migration.from` to `migration.to`. Already there by the same file: nothing happens. */
  up(
    store: string,
    migration: MigrationRef,
    sql: string,
    ctx: StepContext,
  ): Promise<Answer<{ readonly version: number }>>;
  /**
   * From `migration.to` back to `migration.from`. Already back: nothing happens. Rejected when the store's record says that
   * it went forward with another file than `up`: what that one did, this release doesn't know how to take back.
   */
  down(
    store: string,
    migration: MigrationBack,
    sql: string,
    ctx: StepContext,
  ): Promise<Answer<{ readonly version: number }>>;
}
