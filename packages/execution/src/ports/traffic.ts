import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** A tenant's route as it was read back. */
export interface TenantRoute {
  readonly tenant: string;
  /** Slot by the router (requests). `undefined`: not routed, or split over several. */
  readonly router: string | undefined;
  /** Slot by the table that workers claim jobs under; `undefined` while nobody takes the tenant's jobs. */
  readonly workers: string | undefined;
  /** The store that the tenant lives in. */
  readonly store: string;
  /** The router turns the tenant's requests away until it is opened. */
  readonly held: boolean;
  /** Held, but for those who only read. */
  readonly reads?: true;
}

/** Who serves a tenant. Requests and workers' jobs move together, and stop together. */
export interface Traffic {
  /** Reads back the routes of all tenants, from the router and from the workers' tables. */
  read(): Promise<readonly TenantRoute[]>;
  /**
   * Sends new work of these tenants to the slot, that of held ones once they are opened. Returns once router and tables
   * took it; old requests may still run.
   */
  route(tenants: readonly string[], slot: string, ctx: StepContext): Promise<Answer<void>>;
  /**
   * Takes no new work of these tenants: requests are told when to come again, and jobs stay where they are. Returns once
   * that holds and no job of theirs runs any more; old requests may still run. With `reads` those who only read are
   * served, if this kind of cell can tell them from the others; whoever is held as a whole already stays so.
   */
  hold(tenants: readonly string[], ctx: StepContext, reads?: boolean): Promise<Answer<void>>;
  /** Takes the work of these tenants again, in the slot that each is routed to. */
  open(tenants: readonly string[], ctx: StepContext): Promise<Answer<void>>;
  /** Requests of these tenants that run in other slots than this one; without one, in any. */
  inFlightElsewhere(tenants: readonly string[], slot?: string): Promise<number>;
  /** Of the requests of these tenants that run, those that may write. */
  writesInFlight(tenants: readonly string[]): Promise<number>;
}
