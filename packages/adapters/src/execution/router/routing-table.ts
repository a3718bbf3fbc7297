import type { Fence } from '@headgate/domain/protocol/fence';
import { admits, compareFences } from '@headgate/domain/protocol/fence';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { type Clocks, Closing, ClosingsInForce, Reopening, StoredClosing } from './closings.ts';
import { LENT_MS, LentHolds } from './lent-holds.ts';

const name = z.string().min(1).max(63);
const fence = z.strictObject({ epoch: z.int().min(0), n: z.int().min(0) });
/** Per cent by slot; 100 in all. */
const weights = z
  .record(name, z.int().min(0).max(100))
  .refine((all) => sum(all) === 100, 'percentages that add up to 100');

export const RouteChange = z.strictObject({
  fence,
  routes: z.record(name, weights),
  /**
   * True to turn a tenant's requests away, `writes` to turn away those that may change something, `pause` the same while
   * those that only read wait for what comes next; false to take them again. Who isn't named stays as it is.
   */
  held: z.record(name, z.union([z.boolean(), z.enum(['writes', 'pause'])])).default({}),
  /** Operations of tenants that are refused from now on, and those that are taken again. */
  close: z.array(Closing).max(100).default([]),
  reopen: z.array(Reopening).max(100).default([]),
});
export type RouteChange = z.output<typeof RouteChange>;
type TableChange = Omit<RouteChange, 'close' | 'reopen'> & Partial<Pick<RouteChange, 'close' | 'reopen'>>;

const Stored = z.strictObject({
  fence: fence.nullable(),
  routes: z.record(name, weights),
  held: z.array(name).default([]),
  /** Of those held, the ones whose reading requests are served. */
  reads: z.array(name).default([]),
  /** Of those held, the ones whose reading requests wait. */
  pausing: z.array(name).default([]),
  closed: z.array(StoredClosing).default([]),
});
export type StoredRoutes = z.output<typeof Stored>;

/** A hold for writes that somebody asks for again and again; of 0 milliseconds: that it is over. */
export const Lend = z.strictObject({
  fence,
  tenant: name,
  by: z.string().min(1).max(100),
  forMs: z.int().min(0).max(LENT_MS),
});
export type Lend = z.output<typeof Lend>;

/** Whether a tenant is held, and for whom. */
export type Hold = boolean | 'writes' | 'pause';

export type Weights = Readonly<Record<string, number>>;
export type ChangeAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'fenced' | 'rejected'; readonly why: string };

/** Routes by tenant: durable before they are in force, so that a restarted router routes what it had said it would. */
export class RoutingTable {
  private readonly path: string;
  private readonly slots: ReadonlySet<string>;
  private stored: Omit<StoredRoutes, 'closed'>;
  private heldNow: ReadonlySet<string>;
  private readsNow: ReadonlySet<string>;
  private pausingNow: ReadonlySet<string>;
  private closedNow: ClosingsInForce;
  private last: Promise<unknown> = Promise.resolve();
  private readonly listeners: (() => void)[] = [];
  private readonly lentHolds = new LentHolds();

  private constructor(path: string, slots: ReadonlySet<string>, all: StoredRoutes, clocks?: Clocks) {
    const { closed, ...stored } = all;
    this.path = path;
    this.slots = slots;
    this.stored = stored;
    this.heldNow = new Set(stored.held);
    this.readsNow = new Set(stored.reads);
    this.pausingNow = new Set(stored.pausing);
    this.closedNow = ClosingsInForce.of(closed, clocks);
  }

  /** As it was written down, or empty where nothing was. */
  static async open(path: string, slots: Iterable<string>, clocks?: Clocks): Promise<RoutingTable> {
    const text = await readIfThere(path);
    const stored =
      text === undefined
        ? { fence: null, routes: {}, held: [], reads: [], pausing: [], closed: [] }
        : Stored.parse(JSON.parse(text));
    return new RoutingTable(path, new Set(slots), stored, clocks);
  }

  get fence(): Fence | null {
    return this.stored.fence;
  }

  get routes(): Readonly<Record<string, Weights>> {
    return this.stored.routes;
  }

  /** Tenants whose requests are turned away. */
  get held(): ReadonlySet<string> {
    return this.heldNow;
  }

  /** Of those who are held, the ones whose reading requests are served. */
  get reads(): ReadonlySet<string> {
    return this.readsNow;
  }

  /** Of those who are held, the ones whose reading requests wait for what comes next. */
  get pausing(): ReadonlySet<string> {
    return this.pausingNow;
  }

  /** The operations that are closed at this moment. */
  get closed(): ClosingsInForce {
    return this.closedNow;
  }

  /** Tenants whose writes are turned away because somebody says so again and again. */
  get lent(): readonly string[] {
    return this.lentHolds.tenants();
  }

  /** Whether a request is turned away; `reads`: it asks for nothing to change. */
  turnsAway(tenant: string, reads: boolean): boolean {
    if (this.heldNow.has(tenant) && !(reads && this.readsNow.has(tenant))) return true;
    return !reads && this.lentHolds.has(tenant);
  }

  /** Whether who only reads is served while the tenant is held. */
  servesReads(tenant: string): boolean {
    return !this.heldNow.has(tenant) || this.readsNow.has(tenant);
  }

  /** Holds a tenant's writes for a moment, or ends that. A lower fence than one that was seen is refused. */
  lend({ fence, tenant, by, forMs }: Lend): ChangeAnswer {
    if (!admits(this.stored.fence ?? undefined, fence))
      return { ok: false, code: 'fenced', why: `the router has seen the fence ${JSON.stringify(this.stored.fence)}` };
    if (!Object.hasOwn(this.stored.routes, tenant))
      return { ok: false, code: 'rejected', why: `the router routes no tenant ${tenant}` };
    if (!this.lentHolds.lend(tenant, by, forMs))
      return { ok: false, code: 'rejected', why: 'the router holds as many tenants in this way as it can' };
    for (const each of this.listeners) each();
    return { ok: true };
  }

  /** Changes the routes of the named tenants, who is held, and which operations are closed; others stay. A lower fence than one that was seen is refused. */
  change(change: TableChange): Promise<ChangeAnswer> {
    const next = this.last.then(() => this.apply(change));
    this.last = next.catch(() => {});
    return next;
  }

  private async apply({ close = [], reopen = [], ...change }: TableChange): Promise<ChangeAnswer> {
    if (!admits(this.stored.fence ?? undefined, change.fence)) {
      return { ok: false, code: 'fenced', why: `the router has seen the fence ${JSON.stringify(this.stored.fence)}` };
    }
    const unknown = new Set(
      [
        ...Object.values(change.routes).flatMap((w) => Object.keys(w)),
        ...[...close, ...reopen].flatMap(({ slot }) => slot ?? []),
      ].filter((slot) => !this.slots.has(slot)),
    );
    if (unknown.size > 0) return { ok: false, code: 'rejected', why: `there is no slot ${[...unknown].join(', ')}` };
    const same =
      this.stored.fence !== null &&
      compareFences(this.stored.fence, change.fence) === 0 &&
      close.length + reopen.length === 0 &&
      Object.entries(change.routes).every(([tenant, w]) => equalWeights(this.stored.routes[tenant], w)) &&
      Object.entries(change.held).every(([tenant, hold]) => this.holdOf(tenant) === hold);
    if (same) return { ok: true };
    const holds = new Map<string, Hold>([...this.heldNow].map((tenant) => [tenant, this.holdOf(tenant)]));
    for (const [tenant, hold] of Object.entries(change.held)) holds.set(tenant, hold);
    const those = (which: (hold: Hold) => boolean): string[] =>
      [...holds].flatMap(([tenant, hold]) => (which(hold) ? [tenant] : [])).sort();
    const next: Omit<StoredRoutes, 'closed'> = {
      fence: change.fence,
      routes: { ...this.stored.routes, ...change.routes },
      held: those((hold) => hold !== false),
      reads: those((hold) => hold === 'writes'),
      pausing: those((hold) => hold === 'pause'),
    };
    const closings = this.closedNow.after({ close, reopen });
    const closed = closings.all();
    // Left out where nothing is: an agent of before then reads the rest.
    await writeDurably(this.path, JSON.stringify(closed.length > 0 ? { ...next, closed } : next), 0o600);
    this.stored = next;
    this.heldNow = new Set(next.held);
    this.readsNow = new Set(next.reads);
    this.pausingNow = new Set(next.pausing);
    this.closedNow = closings;
    for (const each of this.listeners) each();
    return { ok: true };
  }

  /** Has `listener` called after each change, once it is in force. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Whether some of a tenant's requests go to a slot. */
  leadsTo(tenant: string, slot: string): boolean {
    const weights = Object.hasOwn(this.stored.routes, tenant) ? this.stored.routes[tenant] : undefined;
    return weights !== undefined && Object.hasOwn(weights, slot) && weights[slot]! > 0;
  }

  private holdOf(tenant: string): Hold {
    if (this.readsNow.has(tenant)) return 'writes';
    return this.pausingNow.has(tenant) ? 'pause' : this.heldNow.has(tenant);
  }

  /** The slot for one request; `undefined` when the tenant isn't routed. `chance` is in [0, 1). */
  pick(tenant: string, chance: number): string | undefined {
    const all = Object.hasOwn(this.stored.routes, tenant) ? this.stored.routes[tenant] : undefined;
    return all && slotAt(all, chance);
  }
}

/** The slot that a number in [0, 1) falls to, by percentage. */
export function slotAt(all: Weights, chance: number): string | undefined {
  let rest = chance * sum(all);
  for (const [slot, weight] of Object.entries(all)) {
    rest -= weight;
    if (rest < 0) return slot;
  }
  return undefined;
}

/** The slot that has all of a tenant's requests. */
export function wholeSlot(weights: Weights | undefined): string | undefined {
  const parts = Object.entries(weights ?? {}).filter(([, weight]) => weight > 0);
  return parts.length === 1 ? parts[0]![0] : undefined;
}

function sum(all: Weights): number {
  return Object.values(all).reduce((total, weight) => total + weight, 0);
}

function equalWeights(a: Weights | undefined, b: Weights): boolean {
  if (!a) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((slot) => (a[slot] ?? 0) === (b[slot] ?? 0));
}
