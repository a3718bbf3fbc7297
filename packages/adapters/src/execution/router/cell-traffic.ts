import { type Answer, denied, granted, type StepContext, type TenantRoute, type Traffic } from '@headgate/execution';
import type { Store } from '../store/store-session.ts';
import type { RouterClient } from './router-client.ts';
import type { Weights } from './routing-table.ts';
import { publishWorkerRoutes, readWorkerRoutes } from './worker-routes.ts';

/** Moves tenants of one cell between slots: the workers' tables first, then the router. */
export class CellTraffic implements Traffic {
  private readonly router: RouterClient;
  private readonly stores: ReadonlyMap<string, Store>;
  private readonly storeOf: ReadonlyMap<string, string>;

  /** `storeOf`: store by tenant, for all tenants of the cell. */
  constructor(router: RouterClient, stores: ReadonlyMap<string, Store>, storeOf: ReadonlyMap<string, string>) {
    this.router = router;
    this.stores = stores;
    this.storeOf = storeOf;
  }

  async read(): Promise<readonly TenantRoute[]> {
    const [requests, ...jobs] = await Promise.all([
      this.router.routes(),
      ...[...this.stores.values()].map(readWorkerRoutes),
    ]);
    const workers = new Map(jobs.flatMap((map) => [...map]));
    return [...this.storeOf.keys()].map((tenant) => ({
      tenant,
      router: wholeSlot(requests[tenant]),
      workers: workers.get(tenant),
    }));
  }

  async route(tenants: readonly string[], slot: string, ctx: StepContext): Promise<Answer<void>> {
    const unknown = tenants.filter((tenant) => !this.storeOf.has(tenant));
    if (unknown.length > 0)
      return denied('rejected', `the cell ${ctx.cell} has no tenant ${unknown.slice(0, 5).join(', ')}`);
    for (const [name, store] of this.stores) {
      const here = tenants.filter((tenant) => this.storeOf.get(tenant) === name);
      if (here.length > 0 && !(await publishWorkerRoutes(store, here, slot, ctx))) {
        return denied('fenced', `the store ${name} has seen a later decision than this one`);
      }
    }
    const answer = await this.router.change(
      ctx.fence,
      Object.fromEntries(tenants.map((tenant) => [tenant, { [slot]: 100 }])),
    );
    return answer.ok ? granted(undefined) : denied(answer.code, answer.why);
  }

  async inFlightElsewhere(tenants: readonly string[], slot: string): Promise<number> {
    const asked = new Set(tenants);
    let running = 0;
    for (const [other, counts] of Object.entries(await this.router.inFlight())) {
      if (other === slot) continue;
      for (const [tenant, count] of Object.entries(counts)) if (asked.has(tenant)) running += count;
    }
    return running;
  }
}

/** The slot that has all of a tenant's requests. */
function wholeSlot(weights: Weights | undefined): string | undefined {
  const parts = Object.entries(weights ?? {}).filter(([, weight]) => weight > 0);
  return parts.length === 1 ? parts[0]![0] : undefined;
}
