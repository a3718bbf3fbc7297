import type { Database } from '../app/core/database.ts';

/** A store with the tenants that live in it, as the audit reads it: with rights of its own, past the system's API. */
export interface AuditedStore {
  readonly client: Database;
  readonly tenants: readonly string[];
}

/** How many findings are listed; all are counted. */
export const LISTED = 20;

/** A count, and the first findings in words. */
export interface Findings {
  readonly count: number;
  readonly first: readonly string[];
}

export function findings(all: readonly string[]): Findings {
  return { count: all.length, first: all.slice(0, LISTED) };
}
