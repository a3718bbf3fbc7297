import type { MigrationRef } from '@headgate/domain';
import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** Changes a store's schema, one version at a time, each exactly once. */
export interface Migrator {
  /** The cell's stores. */
  readonly stores: readonly string[];
  /** The store's schema version; 0 before the first migration. */
  version(store: string): Promise<number>;
  /** From `migration.from` to `migration.to`. Already there by the same file: nothing happens. */
  up(
    store: string,
    migration: MigrationRef,
    sql: string,
    ctx: StepContext,
  ): Promise<Answer<{ readonly version: number }>>;
  /** From `migration.to` back to `migration.from`. Already back: nothing happens. */
  down(
    store: string,
    migration: MigrationRef,
    sql: string,
    ctx: StepContext,
  ): Promise<Answer<{ readonly version: number }>>;
}
