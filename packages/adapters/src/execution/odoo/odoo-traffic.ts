import { type Answer, denied, granted, type StepContext, type TenantRoute, type Traffic } from '@headgate/execution';
import type { RouterClient } from '../router/router-client.ts';
import { type ChangeAnswer, wholeSlot } from '../router/routing-table.ts';
import type { CronWorkers } from './cron-workers.ts';
import type { DatabaseDoor } from './database-door.ts';
import { holdStore } from './records.ts';
import { findStore, type OdooStore, type OdooStores } from './store.ts';

export interface OdooTrafficParts {
  readonly router: RouterClient;
  readonly stores: OdooStores;
  readonly door: DatabaseDoor;
  readonly cron: CronWorkers;
  readonly slots: readonly string[];
  /** Store by tenant, for all tenants of the cell. */
  readonly storeOf: ReadonlyMap<string, string>;
  /** The addons folders of what runs in a slot; `undefined`: nothing runs there. */
  addons(slot: string): Promise<readonly string[] | undefined>;
}

/**
 * Who serves an Odoo tenant: the router for requests, the slot's scheduler for jobs, and below both the database's own
 * door, which lets in the one slot that the tenant is routed to. Whoever is held meets a closed door, whatever way they
 * come; a slot's scheduler is told before its tenant's door closes, and after it opened.
 */
export class OdooTraffic implements Traffic {
  private readonly parts: OdooTrafficParts;
  private telling: Promise<void> = Promise.resolve();

  constructor(parts: OdooTrafficParts) {
    this.parts = parts;
  }

  async read(): Promise<readonly TenantRoute[]> {
    const { router, stores, door, slots, storeOf } = this.parts;
    const { routes, held } = await router.table();
    const away = new Set(held);
    const tenants = [...storeOf].map(([tenant, name]) => ({ tenant, store: findStore(stores, name) }));
    const open = await door.openFor(
      tenants.map(({ store }) => store),
      slots,
    );
    return tenants.map(({ tenant, store }) => ({
      tenant,
      store: store.name,
      router: wholeSlot(routes[tenant]),
      workers: open.get(store.database),
      held: away.has(tenant),
    }));
  }

  async route(tenants: readonly string[], slot: string, ctx: StepContext): Promise<Answer<void>> {
    const { router } = this.parts;
    const held = new Set((await router.table()).held);
    const served = tenants.filter((tenant) => !held.has(tenant));
    const refused = await this.eachStore(tenants, ctx, async (store, tenant) => {
      // Of held ones the door is closed; a check that was killed may have left it open for the slot that it looked at.
      await (held.has(tenant) ? this.parts.door.close(store) : this.parts.door.open(store, slot));
    });
    if (refused) return refused;
    const routed = answered(
      await router.change(ctx.fence, Object.fromEntries(tenants.map((t) => [t, { [slot]: 100 }]))),
    );
    if (routed.ok && served.length > 0) await this.tellSchedulers();
    return routed;
  }

  async hold(tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> {
    const { router, door } = this.parts;
    const turnedAway = answered(await router.change(ctx.fence, {}, Object.fromEntries(tenants.map((t) => [t, true]))));
    if (!turnedAway.ok) return turnedAway;
    await this.drained(tenants, ctx);
    await this.tellSchedulers();
    return (await this.eachStore(tenants, ctx, (store) => door.close(store))) ?? granted(undefined);
  }

  async open(tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> {
    const { router, door } = this.parts;
    const { routes } = await router.table();
    const refused = await this.eachStore(tenants, ctx, async (store, tenant) => {
      const slot = wholeSlot(routes[tenant]);
      if (slot !== undefined) await door.open(store, slot);
    });
    if (refused) return refused;
    const opened = answered(await router.change(ctx.fence, {}, Object.fromEntries(tenants.map((t) => [t, false]))));
    if (opened.ok) await this.tellSchedulers();
    return opened;
  }

  async inFlightElsewhere(tenants: readonly string[], slot?: string): Promise<number> {
    const asked = new Set(tenants);
    let running = 0;
    for (const [other, counts] of Object.entries(await this.parts.router.inFlight())) {
      if (other === slot) continue;
      for (const [tenant, count] of Object.entries(counts)) if (asked.has(tenant)) running += count;
    }
    return running;
  }

  /** Each slot's scheduler runs the jobs of exactly those who are routed there and not held. */
  tellSchedulers(): Promise<void> {
    // One after the other: whoever is told last is told what is so by then.
    this.telling = this.telling.catch(() => {}).then(() => this.tell());
    return this.telling;
  }

  private async tell(): Promise<void> {
    const { router, stores, cron, slots, storeOf } = this.parts;
    const { routes, held } = await router.table();
    const away = new Set(held);
    for (const slot of slots) {
      const served = [...storeOf].filter(([tenant]) => !away.has(tenant) && wholeSlot(routes[tenant]) === slot);
      const addons = await this.parts.addons(slot);
      const databases = addons === undefined ? [] : served.map(([, store]) => findStore(stores, store).database);
      await cron.ensure(slot, addons ?? [], databases);
    }
  }

  /** Closing the door ends sessions: first those that still answer somebody may finish. */
  private async drained(tenants: readonly string[], ctx: StepContext): Promise<void> {
    while (!ctx.signal.aborted && ctx.remainingMs() > LAST_MS && (await this.inFlightElsewhere(tenants)) > 0)
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }

  /** Under each store's fence, one store after the other. Returns the refusal that ended it. */
  private async eachStore(
    tenants: readonly string[],
    ctx: StepContext,
    work: (store: OdooStore, tenant: string) => Promise<void>,
  ): Promise<ReturnType<typeof denied> | undefined> {
    const { stores, storeOf } = this.parts;
    const unknown = tenants.filter((tenant) => !storeOf.has(tenant));
    if (unknown.length > 0)
      return denied('rejected', `the cell ${ctx.cell} has no tenant ${unknown.slice(0, 5).join(', ')}`);
    for (const tenant of tenants) {
      const store = findStore(stores, storeOf.get(tenant)!);
      const done = await holdStore(stores, store, ctx, () => work(store, tenant));
      if (done === 'fenced') return denied('fenced', `the store ${store.name} has seen a later decision than this one`);
      if (done === 'busy') return denied('transient', `somebody else is at work on the store ${store.name}`);
    }
    return undefined;
  }
}

const LOOK_EVERY_MS = 50;
/** Kept back of a step's time for closing doors. Milliseconds. */
const LAST_MS = 5_000;

function answered(answer: ChangeAnswer): Answer<void> {
  return answer.ok ? granted(undefined) : denied(answer.code, answer.why);
}
