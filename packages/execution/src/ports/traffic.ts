import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** A tenant's route as it was read back. */
export interface TenantRoute {
  readonly tenant: string;
  /** Slot by the router (requests). `undefined`: not routed, or split over several. */
  readonly router: string | undefined;
  /** Slot by the table that workers claim jobs under. */
  readonly workers: string | undefined;
}

/** Who serves a tenant. Requests and workers' jobs move together. */
export interface Traffic {
  /** Reads back the routes of all tenants, from the router and from the workers' tables. */
  read(): Promise<readonly TenantRoute[]>;
  /** Sends new work of these tenants to the slot. Returns once router and tables took it; old requests may still run. */
  route(tenants: readonly string[], slot: string, ctx: StepContext): Promise<Answer<void>>;
  /** Requests of these tenants that run in other slots than this one. */
  inFlightElsewhere(tenants: readonly string[], slot: string): Promise<number>;
}
