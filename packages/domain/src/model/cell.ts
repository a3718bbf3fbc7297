import type { Digest } from './identity.ts';
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
