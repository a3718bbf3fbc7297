import type { Digest, Instant } from './identity.ts';
import type { ReleaseRef, SchemaRange } from './release.ts';

/** Whether a store serves one tenant, one schema a tenant, or all tenants' rows together. */
export type Tenancy = 'store-per-tenant' | 'schema-per-tenant' | 'rows';

/** What runs in a slot; `undefined` is an empty slot. */
export interface SlotState {
  readonly release?: ReleaseRef;
  readonly schemaRange?: SchemaRange;
}

export interface StoreState {
  readonly schemaVersion: number;
  /**
   * In what the store differs from everything that a release leaves, one thing a line: somebody changed it by hand. Seen,
   * never desired. The version is then the highest that it has reached in all its parts.
   */
  readonly drift?: readonly string[];
  /** What it says of itself as a copy, where it bears the mark of one. Seen, never desired. */
  readonly copy?: CopySeen;
}

/** A copy's mark: what it was made from, by which rules all of it was masked, and in how many places originals were found. */
export interface CopySeen {
  readonly of: string;
  readonly maskedBy?: Digest;
  readonly leaks?: number;
}

export interface TenantState {
  readonly slot: string;
  readonly store: string;
  readonly ring: string;
  /** Held: nobody is served, and no worker takes the tenant's jobs, until it is opened again. */
  readonly held?: true;
}

/** One running copy of an application inside an environment, as desired or as observed. */
export interface CellState {
  readonly cell: string;
  readonly application: string;
  readonly environment: string;
  readonly slots: Readonly<Record<string, SlotState>>;
  readonly stores: Readonly<Record<string, StoreState>>;
  readonly tenants: Readonly<Record<string, TenantState>>;
  /** Operations that its router refuses, the longest closed first; absent: none. Seen, never desired. */
  readonly closed?: readonly ClosedOperation[];
}

/** An operation that a cell's router refuses. */
export interface ClosedOperation {
  readonly operation: string;
  /** How many tenants it is closed for. */
  readonly tenants: number;
  /** On this slot alone; absent: wherever they are. */
  readonly slot?: string;
  readonly since: Instant;
  /** When it opens by itself; absent: when it is opened. */
  readonly until?: Instant;
}

/** What an agent saw, with the digest of the canonical form so that two observations compare in one step. */
export interface Observation {
  readonly state: CellState;
  readonly digest: Digest;
}

/** Whether code with this range may serve a store at this version. */
export function fits(range: SchemaRange, schemaVersion: number): boolean {
  return range.min <= schemaVersion && schemaVersion <= range.max;
}

/** The stores of an observed cell that somebody changed by hand, and how, in words. */
export function driftOf(seen: CellState): readonly { readonly store: string; readonly why: string }[] {
  return Object.entries(seen.stores)
    .filter(([, { drift }]) => drift !== undefined && drift.length > 0)
    .map(([store, { drift }]) => ({ store, why: (drift as readonly string[]).join('; ') }));
}

/** The cell without what is seen and never desired. */
export function withoutDrift({ closed: _, ...seen }: CellState): CellState {
  const stores = Object.entries(seen.stores).map(([name, { schemaVersion }]) => [name, { schemaVersion }] as const);
  return { ...seen, stores: Object.fromEntries(stores) };
}
