/** A cell as it really is: its slots, stores, routes and closings, each with the newest fence that it has seen. */
import type { CellState, Digest, Fence, SchemaRange } from '@headgate/domain';
import type { Closings } from './closings.ts';

export interface Slot {
  release: Digest | undefined;
  range: SchemaRange | undefined;
}

export interface StoreTarget {
  version: number;
  fence: Fence | undefined;
}

export interface Tenant {
  slot: string;
  readonly store: string;
  readonly ring: string;
  held?: true;
  /** Held for writes alone: those who only read are served. */
  reads?: true;
}

export interface CellTarget {
  readonly cell: CellState;
  readonly slots: Map<string, Slot>;
  readonly stores: Map<string, StoreTarget>;
  readonly tenants: Map<string, Tenant>;
  /** Each store serves one tenant, by declaration. */
  readonly ownStores: boolean;
  readonly closings: Closings;
  slotFence: Fence | undefined;
  routerFence: Fence | undefined;
}
