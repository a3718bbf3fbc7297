import { type Answer, denied, granted, type StepContext, type TenantRoute, type Traffic } from '@headgate/execution';
import type { RouterClient } from '../router/router-client.ts';
import { type ChangeAnswer, type Hold, type Weights, wholeSlot } from '../router/routing-table.ts';
import type { CronWorkers } from './cron-workers.ts';
import type { DatabaseDoor } from './database-door.ts';
import { holdStore } from './records.ts';
import { findStore, type OdooStore, type OdooStores } from './store.ts';
import { storeVersion } from './version-records.ts';

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
  /**
   * Whether the slot answers a tenant with all of its modules loaded, loading them if it has to and may. Never throws, and
   * ends when the signal does. False of a slot of which it can't be told: one with several processes.
   */
  warm(slot: string, tenant: string, signal: AbortSignal): Promise<boolean>;
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
    const { routes, held, reads } = await router.table();
    const away = new Set(held);
    const readable = new Set(reads);
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
      ...(readable.has(tenant) && { reads: true }),
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

  async hold(tenants: readonly string[], ctx: StepContext, reads = false): Promise<Answer<void>> {
    const { router, door } = this.parts;
    const { routes, ...before } = await router.table();
    // Who is held as a whole isn't let in again to read.
    const partly = new Set([...before.reads, ...before.pausing]);
    const whole = new Set(before.held.filter((tenant) => !partly.has(tenant)));
    const asked = reads ? tenants.filter((tenant) => !whole.has(tenant)) : [];
    // Who hasn't loaded a tenant's modules answers nobody who reads, since loading writes. While everybody is served yet.
    const warm = await this.warm(asked, routes, WARM_MS, ctx);
    const away = await this.turnAway(tenants, warm, ctx);
    if (!away.ok) return away;
    await this.tellSchedulers();
    // Once more: it may have died and been started anew while requests ended.
    const readable = await this.warm(warm, routes, STILL_WARM_MS, ctx);
    const cold = warm.filter((tenant) => !readable.includes(tenant));
    const wholly = cold.length === 0 ? granted(undefined) : await this.holdAs(true, cold, ctx);
    if (!wholly.ok) return wholly;
    const refused = await this.eachStore(tenants, ctx, async (store, tenant) => {
      const slot = wholeSlot(routes[tenant]);
      if (readable.includes(tenant) && slot !== undefined) await door.openToRead(store, slot);
      else await door.close(store);
    });
    if (refused) return refused;
    return readable.length === 0 ? granted(undefined) : this.holdAs('writes', readable, ctx);
  }

  async open(tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> {
    const { router, door } = this.parts;
    const unfinished = await this.unfinished(tenants);
    if (unfinished !== undefined) return denied('rejected', unfinished);
    const { routes, reads } = await router.table();
    const reading = tenants.filter((tenant) => reads.includes(tenant));
    if (reading.length > 0) {
      const away = await this.turnAway(reading, reading, ctx);
      if (!away.ok) return away;
    }
    const refused = await this.eachStore(tenants, ctx, async (store, tenant) => {
      const slot = wholeSlot(routes[tenant]);
      if (slot !== undefined) await door.open(store, slot);
    });
    if (refused) return refused;
    const opened = await this.holdAs(false, tenants, ctx);
    if (opened.ok) await this.tellSchedulers();
    return opened;
  }

  /** Of the tenants, those whose slot can serve who only reads. The time is for all of them. */
  private async warm(
    tenants: readonly string[],
    routes: Readonly<Record<string, Weights>>,
    timeLimitMs: number,
    ctx: StepContext,
  ): Promise<readonly string[]> {
    const limit = AbortSignal.timeout(Math.max(0, Math.min(timeLimitMs, ctx.remainingMs() - LAST_MS)));
    const signal = AbortSignal.any([limit, ctx.signal]);
    const warm: string[] = [];
    // One after the other: loading takes a core, and neighbours are served beside it.
    for (const tenant of tenants) {
      const slot = wholeSlot(routes[tenant]);
      if (slot !== undefined && !signal.aborted && (await this.parts.warm(slot, tenant, signal))) warm.push(tenant);
    }
    return warm;
  }

  /** The first of the tenants whose store an upgrade left half way, in words: no code runs on such a database. */
  private async unfinished(tenants: readonly string[]): Promise<string | undefined> {
    const { stores, storeOf } = this.parts;
    for (const name of tenants.flatMap((tenant) => storeOf.get(tenant) ?? [])) {
      const seen = await storeVersion(stores, findStore(stores, name));
      if (seen.kind === 'half-way')
        return `the upgrade of the store ${name} from version ${seen.from} to ${seen.to} was begun and didn't end; nobody is let in before it is restored, or upgraded to the end`;
    }
    return undefined;
  }

  /** Takes no new requests, those who read and may go on soon waiting, until the running ones have ended. */
  private async turnAway(
    tenants: readonly string[],
    readable: readonly string[],
    ctx: StepContext,
  ): Promise<Answer<void>> {
    const whole = tenants.filter((tenant) => !readable.includes(tenant));
    for (const [hold, those] of [
      [true, whole],
      ['pause', readable],
    ] as const) {
      const held = those.length === 0 ? granted(undefined) : await this.holdAs(hold, those, ctx);
      if (!held.ok) return held;
    }
    await this.drained(tenants, ctx);
    return granted(undefined);
  }

  private async holdAs(hold: Hold, tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> {
    const holds = Object.fromEntries(tenants.map((tenant) => [tenant, hold]));
    return answered(await this.parts.router.change(ctx.fence, {}, holds));
  }

  async inFlightElsewhere(tenants: readonly string[], slot?: string): Promise<number> {
    return countOf(await this.parts.router.inFlight(), tenants, slot);
  }

  async writesInFlight(tenants: readonly string[]): Promise<number> {
    return countOf(await this.parts.router.writesInFlight(), tenants);
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
/** How long slots may take to load what tenants need before they are held, and to answer once they are. Milliseconds. */
const WARM_MS = 20_000;
const STILL_WARM_MS = 3_000;
/** Kept back of a step's time for closing doors. Milliseconds. */
const LAST_MS = 5_000;

/** Requests of these tenants in other slots than this one. */
function countOf(
  running: Readonly<Record<string, Readonly<Record<string, number>>>>,
  tenants: readonly string[],
  but?: string,
): number {
  const asked = new Set(tenants);
  return Object.entries(running)
    .filter(([slot]) => slot !== but)
    .flatMap(([, counts]) => Object.entries(counts))
    .reduce((sum, [tenant, count]) => sum + (asked.has(tenant) ? count : 0), 0);
}

function answered(answer: ChangeAnswer): Answer<void> {
  return answer.ok ? granted(undefined) : denied(answer.code, answer.why);
}
