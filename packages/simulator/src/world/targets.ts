/**
 * The environment as it really is: slots, stores, routes and what was posted to the other system, each target with the fence it
 * has seen, as the adapters keep them. Effects observe before they act. After each, the invariants that only the world can show are checked.
 */
import type { Assignment } from '@headgate/control';
import { admits, type CellState, type Digest, type Fence, type Instant, type Outcome } from '@headgate/domain';
import type { HistoryChecker } from '../history/history-checker.ts';
import type { CellTarget, Slot, StoreTarget, Tenant } from './cell-target.ts';
import { checkCell } from './check-cell.ts';
import { Closings, checkMoved, checkOpening, closedByVersion } from './closings.ts';
import type { Fleet } from './fleet.ts';
import { Marks } from './marks.ts';
import { done, failed } from './outcomes.ts';

/** What changes a store, or who serves a tenant: done again it would be noticed. */
const ONCE: ReadonlySet<string> = new Set(['migrate', 'unmigrate', 'restore', 'route', 'hold', 'open']);
/** What changes who serves a tenant. */
const MOVES: ReadonlySet<string> = new Set(['route', 'hold', 'open']);

/** Something wrong with how a step goes, decided by the scenario. */
export type Flaw = 'none' | 'red' | 'no-reading' | 'unverified';

export class Targets {
  readonly cells = new Map<string, CellTarget>();
  readonly #code = new Map<Digest, Fleet['code'][number]>();
  readonly #allowed: Set<Digest>;
  readonly #posted = new Set<string>();
  readonly #effects = new Map<string, number>();
  readonly #soaks = new Map<string, Instant>();
  readonly #points = new Map<string, { id: string; takenAt: Instant }>();
  readonly marks = new Marks();
  /** The control plane's; what was handed out under a lower one was decided in a past that no log holds any more. */
  epoch = 1;
  checker: HistoryChecker;

  constructor(cells: readonly CellState[], checker: HistoryChecker, ownStores: boolean) {
    this.checker = checker;
    this.#allowed = new Set();
    for (const cell of cells) {
      const slots = new Map<string, Slot>();
      for (const [name, { release, schemaRange }] of Object.entries(cell.slots)) {
        slots.set(name, { release: release?.digest, range: schemaRange });
        if (release !== undefined) this.#allowed.add(release.digest);
      }
      const stores = new Map<string, StoreTarget>();
      for (const [name, { schemaVersion }] of Object.entries(cell.stores))
        stores.set(name, { version: schemaVersion, fence: undefined });
      const tenants = new Map<string, Tenant>();
      for (const [name, tenant] of Object.entries(cell.tenants)) tenants.set(name, { ...tenant });
      this.cells.set(cell.cell, {
        cell,
        slots,
        stores,
        tenants,
        ownStores,
        closings: new Closings(),
        slotFence: undefined,
        routerFence: undefined,
      });
    }
  }

  /** A cell as an agent sees it. */
  seen(name: string): CellState | undefined {
    const target = this.cells.get(name);
    if (target === undefined) return undefined;
    const slots: Record<string, CellState['slots'][string]> = {};
    for (const [slot, { release, range }] of target.slots)
      slots[slot] =
        release === undefined || range === undefined
          ? {}
          : { release: { digest: release, version: this.#code.get(release)?.version ?? '1.0.0' }, schemaRange: range };
    const stores: Record<string, { schemaVersion: number }> = {};
    for (const [store, { version }] of target.stores) stores[store] = { schemaVersion: version };
    return {
      ...target.cell,
      slots,
      stores,
      tenants: Object.fromEntries([...target.tenants].map(([t, { reads: _, ...s }]) => [t, s])),
    };
  }

  /** Tells which schemas a release's code really runs on: code does not lie. */
  learn(code: Fleet['code'][number]): void {
    this.#code.set(code.digest, code);
  }

  /** Carries an assignment out. `late`: by somebody whose lifetime has run out and who does not know. */
  perform(a: Assignment, now: Instant, flaw: Flaw): Outcome {
    const target = this.cells.get(a.cell);
    if (target === undefined) return failed('rejected', `there is no cell ${a.cell}`);
    const { action } = a;
    this.marks.take(a, this.checker.rollouts.get(`rollout/${a.rollout}`)?.cell.steps ?? []);
    switch (action.kind) {
      case 'restore-point': {
        const point = this.#points.get(a.idempotencyKey) ?? { id: `rp-${this.#points.size}`, takenAt: now };
        this.#points.set(a.idempotencyKey, point);
        const manifest = a.plan;
        const verified = flaw !== 'unverified';
        if (flaw === 'no-reading') return done({});
        this.marks.keep(a.cell, a.rollout, { ...point, store: action.store, manifest, bytes: 1, verified });
        return done({ restorePoint: { ...point, store: action.store, manifest, bytes: 1, verified } });
      }
      case 'migrate':
      case 'unmigrate':
      case 'restore':
        return this.#changeStore(target, a, action, now, flaw);
      case 'deploy':
      case 'retire':
        return this.#changeSlot(target, a, action);
      case 'route':
        return this.#route(target, a, action, flaw);
      case 'hold':
      case 'open':
        return this.#hold(target, a, action, flaw);
      case 'close-operations':
      case 'open-operations':
        return this.#operate(target, a, action, now, flaw);
      case 'verify':
      case 'soak':
        return this.#look(a, action, now, flaw);
      case 'reconcile':
        return this.#reconcile(target, a, action, flaw);
    }
  }

  #changeStore(
    target: CellTarget,
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'migrate' | 'unmigrate' | 'restore' }>,
    now: Instant,
    flaw: Flaw,
  ): Outcome {
    const store = target.stores.get(action.store);
    if (store === undefined) return failed('rejected', `there is no store ${action.store}`);
    // Its operations are closed first, at the router, which takes that of nobody whose decision is over.
    const late = action.kind === 'restore' || !action.closes?.length ? undefined : this.#passRouter(target, a);
    if (late !== undefined) return late;
    if (!this.#admit(store.fence, a)) return failed('fenced', 'the store has seen a later decision');
    store.fence = a.fence;
    // File by file, each in a transaction of its own: what is there already is passed over, wherever it stopped before.
    const back = action.kind !== 'migrate';
    if (!back && store.version > action.to) return failed('rejected', `the store is at version ${store.version}`);
    if (!back && store.version < action.from) return failed('rejected', `the store is at version ${store.version}`);
    const already = back ? store.version <= action.to : store.version >= action.to;
    if (!already) {
      for (const [name, tenant] of target.tenants)
        if (target.ownStores && tenant.store === action.store && (!tenant.held || tenant.reads))
          this.checker.report(
            'held-while-upgraded',
            `store ${action.store} of ${a.cell} was changed while ${name} was served`,
          );
      const removes = action.kind === 'migrate' && action.migrations.some((m) => m.phase === 'contract');
      const older = [...target.slots.values()].some(
        ({ release, range }) => release !== undefined && (range === undefined || range.max < action.to),
      );
      if (removes && older && !target.ownStores)
        this.checker.report('schema-in-range', `${a.cell}: ${a.step} removes what running code uses`);
      const living = target.ownStores ? [] : [...target.tenants].filter(([, tenant]) => tenant.store === action.store);
      const who = living.map(([name]) => name);
      const { closings } = target;
      const code = this.#code.get(a.release.digest);
      for (const running of closings.meanwhile(action, who, closedByVersion(code?.migrations ?? []), a.rollout, now))
        this.checker.report('closed-meanwhile', `${a.cell}: ${running} ran beside ${a.step}`);
      store.version = action.to;
      this.#effect(target, a);
    }
    return done(flaw === 'no-reading' ? {} : { schemaVersion: store.version });
  }

  #changeSlot(
    target: CellTarget,
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'deploy' | 'retire' }>,
  ): Outcome {
    const slot = target.slots.get(action.slot);
    if (slot === undefined) return failed('rejected', `there is no slot ${action.slot}`);
    if (!this.#admit(target.slotFence, a)) return failed('fenced', 'the slot has seen a later decision');
    target.slotFence = a.fence;
    const wanted = action.kind === 'deploy' ? action.release.digest : undefined;
    if (slot.release !== wanted) {
      // Executors look before they act, and stop nothing that serves somebody.
      for (const [name, tenant] of target.tenants)
        if (tenant.slot === action.slot) return failed('rejected', `slot ${action.slot} still serves ${name}`);
      slot.release = wanted;
      if (wanted === undefined) target.closings.emptied(action.slot);
      slot.range = wanted === undefined ? undefined : this.#code.get(wanted)?.range;
      if (wanted !== undefined) this.#checkDigest(a, wanted);
      this.#effect(target, a);
    }
    return done({});
  }

  #route(
    target: CellTarget,
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'route' }>,
    flaw: Flaw,
  ): Outcome {
    for (const name of action.tenants) {
      const store = target.stores.get(target.tenants.get(name)?.store ?? '');
      if (store === undefined) return failed('rejected', `there is no tenant ${name}`);
      if (!this.#admit(store.fence, a)) return failed('fenced', 'a store has seen a later decision');
      store.fence = a.fence;
    }
    const late = this.#passRouter(target, a);
    if (late !== undefined) return late;
    let moved = 0;
    for (const name of action.tenants) {
      const tenant = target.tenants.get(name);
      if (tenant === undefined || tenant.slot === action.slot) continue;
      tenant.slot = action.slot;
      moved++;
      checkMoved(a, action.slot, name, target, this.#code, this.checker);
      if (!this.#named(a, name)) this.checker.report('named-tenants', `${name} was moved, and no decision names it`);
    }
    if (moved > 0) this.#effect(target, a);
    return done(flaw === 'no-reading' ? {} : { routed: action.tenants.length });
  }

  #hold(
    target: CellTarget,
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'hold' | 'open' }>,
    flaw: Flaw,
  ): Outcome {
    for (const name of action.tenants) {
      const tenant = target.tenants.get(name);
      const store = target.stores.get(tenant?.store ?? '');
      if (tenant === undefined || store === undefined) return failed('rejected', `there is no tenant ${name}`);
      if (!this.#admit(store.fence, a)) return failed('fenced', 'a store has seen a later decision');
      // Executors look before they let anybody in.
      const range = target.slots.get(tenant.slot)?.range;
      const fitting = range !== undefined && store.version >= range.min && store.version <= range.max;
      if (action.kind === 'open' && !fitting) return failed('rejected', `slot ${tenant.slot} can't serve ${name}`);
      store.fence = a.fence;
    }
    const late = this.#passRouter(target, a);
    if (late !== undefined) return late;
    let changed = 0;
    for (const name of action.tenants) {
      const tenant = target.tenants.get(name);
      if (tenant === undefined) continue;
      const reads = action.kind === 'hold' && action.reads === true && (tenant.reads === true || !tenant.held);
      if ((tenant.held === true) === (action.kind === 'hold') && (tenant.reads === true) === reads) continue;
      if (action.kind === 'hold') tenant.held = true;
      else delete tenant.held;
      if (reads) tenant.reads = true;
      else delete tenant.reads;
      changed++;
      if (!this.#named(a, name))
        this.checker.report('named-tenants', `${name} was ${action.kind}, and no decision names it`);
    }
    if (changed > 0) this.#effect(target, a);
    return done(flaw === 'no-reading' ? {} : { routed: action.tenants.length });
  }

  #operate(
    target: CellTarget,
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'close-operations' | 'open-operations' }>,
    now: Instant,
    flaw: Flaw,
  ): Outcome {
    const late = this.#passRouter(target, a);
    if (late !== undefined) return late;
    target.closings.operate(action, a.rollout, now);
    checkOpening(a, target.tenants, this.checker);
    return done(flaw === 'no-reading' ? {} : { routed: action.tenants.length });
  }

  /** Whether the plan's step, or a scope that was decided, names the tenant. */
  #named(a: Assignment, tenant: string): boolean {
    if (a.fence.epoch < this.epoch) return true;
    const track = this.checker.rollouts.get(`rollout/${a.rollout}`);
    if (track === undefined) return false;
    if (a.course === 'forward') {
      const step = track.cell.steps.find((s) => s.id === a.step);
      const action = step?.action;
      return action !== undefined && MOVES.has(action.kind) && 'tenants' in action && action.tenants.includes(tenant);
    }
    // By the checker's own reading of what was decided; whoever was being opened is opened again.
    const step = track.cell.steps.find((s) => a.step === `again.${s.id}`);
    return track.undo?.back.includes(tenant) === true || step?.of?.includes(tenant) === true;
  }

  #look(
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'verify' | 'soak' }>,
    now: Instant,
    flaw: Flaw,
  ): Outcome {
    if (action.kind === 'soak') {
      const key = `${a.rollout}/${a.step}`;
      const since = this.#soaks.get(key) ?? now;
      this.#soaks.set(key, since);
      const rest = since + action.durationMs - now;
      if (rest > 0 && flaw === 'none') return { kind: 'waiting', reason: 'soaking', untilMs: rest };
    }
    if (flaw === 'no-reading') return done({ checks: { passed: 0, failed: 0 } });
    if (flaw !== 'red') return done({ checks: { passed: action.tenants.length, failed: 0 } });
    const tenant = action.tenants[0] ?? '';
    return {
      kind: 'failed',
      code: 'check-failed',
      why: 'an invoice was not posted',
      result: {
        checks: { passed: 1, failed: 1, firstFailure: { check: 'invoice', tenant, why: 'not posted', at: now } },
      },
    };
  }

  /** The other system takes a key once; whoever asks with another key posts again. */
  #reconcile(
    target: CellTarget,
    a: Assignment,
    action: Extract<Assignment['action'], { kind: 'reconcile' }>,
    flaw: Flaw,
  ): Outcome {
    const store = target.stores.get(action.store);
    if (store === undefined) return failed('rejected', `there is no store ${action.store}`);
    if (!this.#admit(store.fence, a)) return failed('fenced', 'the store has seen a later decision');
    store.fence = a.fence;
    for (const tenant of action.tenants) {
      const key = `${a.idempotencyKey}/${tenant}`;
      if (this.#posted.has(key)) continue;
      this.#posted.add(key);
      const fact = `${a.rollout}/${a.step}/${tenant}`;
      const times = (this.#effects.get(fact) ?? 0) + 1;
      this.#effects.set(fact, times);
      if (times > 1) this.checker.report('effect-once', `${fact} was posted ${times} times`);
    }
    if (flaw === 'no-reading') return done({});
    return done({ reconciliation: { compared: 1, replayed: 1, acknowledged: 0, asked: 0, agrees: true } });
  }

  /** A target admits by the shipped rule; what it lets in must not be older than what it has seen. */
  #passRouter(target: CellTarget, a: Assignment): Outcome | undefined {
    if (!this.#admit(target.routerFence, a)) return failed('fenced', 'the router has seen a later decision');
    target.routerFence = a.fence;
    return undefined;
  }

  #admit(held: Fence | undefined, a: Assignment): boolean {
    if (!admits(held, a.fence)) return false;
    if (held !== undefined && (a.fence.epoch < held.epoch || (a.fence.epoch === held.epoch && a.fence.n < held.n)))
      this.checker.report('no-forgotten-past', `${a.idempotencyKey} acted with a fence below what its target had seen`);
    return true;
  }

  #checkDigest(a: Assignment, digest: Digest): void {
    if (this.#allowed.has(digest) || a.fence.epoch < this.epoch) return;
    const promotion = this.checker.promotions.get(`promotion/${a.promotion}`);
    const approved = promotion !== undefined && promotion.wave > 0 && promotion.index.plan.release.digest === digest;
    if (!approved || !this.checker.facts.known(digest))
      this.checker.report('known-digest', `${digest} runs in cell ${a.cell} without an approved plan`);
  }

  #effect(target: CellTarget, a: Assignment): void {
    const { kind } = a.action;
    // On the way back, whom a wider scope takes again is held again.
    if (ONCE.has(kind) && (a.course === 'forward' || !MOVES.has(kind))) {
      // Undone and done again is not twice: an undo ends the rollout, and its steps have ids of their own.
      const key = `${a.rollout}/${a.step}`;
      const times = (this.#effects.get(key) ?? 0) + 1;
      this.#effects.set(key, times);
      if (times > 1) this.checker.report('effect-once', `${key} had its effect ${times} times`);
    }
    checkCell(target, this.checker);
  }
}
