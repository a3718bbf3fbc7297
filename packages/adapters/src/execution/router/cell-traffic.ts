import { type Answer, denied, granted, type StepContext, type TenantRoute, type Traffic } from '@headgate/execution';
import type { Store } from '../store/store-session.ts';
import type { RouterClient } from './router-client.ts';
import { type ChangeAnswer, wholeSlot } from './routing-table.ts';
import { NOWHERE, publishWorkerRoutes, readWorkerRoutes } from './worker-routes.ts';

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
    const [{ routes, held }, ...jobs] = await Promise.all([
      this.router.table(),
      ...[...this.stores.values()].map(readWorkerRoutes),
    ]);
    const workers = new Map(jobs.flatMap((map) => [...map]));
    const away = new Set(held);
    return [...this.storeOf].map(([tenant, store]) => ({
      tenant,
      store,
      router: wholeSlot(routes[tenant]),
      workers: workers.get(tenant) || undefined,
      held: away.has(tenant),
    }));
  }

  async route(tenants: readonly string[], slot: string, ctx: StepContext): Promise<Answer<void>> {
    const held = new Set((await this.router.table()).held);
    const moved = await this.publish(new Map(tenants.map((t) => [t, held.has(t) ? NOWHERE : slot])), ctx);
    if (!moved.ok) return moved;
    return answered(await this.router.change(ctx.fence, byTenant(tenants, { [slot]: 100 })));
  }

  /**
   * Requests first: what they leave behind, workers would take up. As a whole whatever was asked: nothing below tells those
   * who only read from the others.
   */
  async hold(tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> {
    const turnedAway = answered(await this.router.change(ctx.fence, {}, byTenant(tenants, true)));
    return turnedAway.ok ? this.publish(new Map(tenants.map((t) => [t, NOWHERE])), ctx) : turnedAway;
  }

  async open(tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> {
    const { routes } = await this.router.table();
    const published = await this.publish(new Map(tenants.map((t) => [t, wholeSlot(routes[t]) ?? NOWHERE])), ctx);
    return published.ok ? answered(await this.router.change(ctx.fence, {}, byTenant(tenants, false))) : published;
  }

  /** Tells the workers who takes whose jobs, store by store. */
  private async publish(slots: ReadonlyMap<string, string>, ctx: StepContext): Promise<Answer<void>> {
    const unknown = [...slots.keys()].filter((tenant) => !this.storeOf.has(tenant));
    if (unknown.length > 0)
      return denied('rejected', `the cell ${ctx.cell} has no tenant ${unknown.slice(0, 5).join(', ')}`);
    for (const [name, store] of this.stores) {
      const here = new Map([...slots].filter(([tenant]) => this.storeOf.get(tenant) === name));
      if (here.size > 0 && !(await publishWorkerRoutes(store, here, ctx)))
        return denied('fenced', `the store ${name} has seen a later decision than this one`);
    }
    return granted(undefined);
  }

  async inFlightElsewhere(tenants: readonly string[], slot?: string): Promise<number> {
    const asked = new Set(tenants);
    let running = 0;
    for (const [other, counts] of Object.entries(await this.router.inFlight())) {
      if (other === slot) continue;
      for (const [tenant, count] of Object.entries(counts)) if (asked.has(tenant)) running += count;
    }
    return running;
  }

  writesInFlight(tenants: readonly string[]): Promise<number> {
    return this.inFlightElsewhere(tenants);
  }
}

function byTenant<T>(tenants: readonly string[], value: T): Readonly<Record<string, T>> {
  return Object.fromEntries(tenants.map((tenant) => [tenant, value]));
}

function answered(answer: ChangeAnswer): Answer<void> {
  return answer.ok ? granted(undefined) : denied(answer.code, answer.why);
}
