import type { MigrationRef, ReleaseManifest, ReleaseRef, RestorePoint, StoreState, Tenancy } from '@headgate/domain';
import type { Operation } from '@headgate/domain/model/operation';
import { admits, type Fence } from '@headgate/domain/protocol/fence';
import {
  type Answer,
  type CheckContext,
  type CheckResult,
  type ClosedNow,
  type Comparison,
  type Difference,
  denied,
  granted,
  type KeptRestorePoint,
  type Mended,
  type MigrationBack,
  type Ports,
  type RestorePointList,
  type SlotObservation,
  type StepContext,
  serves,
  type UnreadableRestorePoint,
} from '@headgate/execution';
import { digestFor } from './step-context.ts';

/**
 * A cell in memory that passes the same port suites as the real one. Tests set its parts and read `effects`, which lists
 * what really changed, in order.
 */
export class MemoryCell implements Ports {
  readonly effects: string[] = [];
  readonly held = new Map<string, SlotObservation>();
  readonly routes = new Map<string, string>();
  readonly turnedAway = new Set<string>();
  /** Operations that are closed now. */
  readonly closed: ClosedNow[] = [];
  /** Requests of closed operations that run; each look lets one end. */
  runningClosed = 0;
  tenancy: Tenancy = 'rows';
  /** The store of a tenant that doesn't live in `main`. */
  readonly stores = new Map<string, string>();
  /** Requests that run elsewhere; each look lets one end. */
  running = 0;
  readonly versions = new Map<string, { version: number; digest: string }[]>();
  readonly kept: KeptRestorePoint[] = [];
  /** Restore points with a flipped byte, by id. */
  readonly spoiled = new Set<string>();
  /** Restore points whose manifest can't be read any more, by id. */
  readonly unreadable = new Map<string, UnreadableRestorePoint>();
  /** What the customers wrote to the store; restore points hold it. */
  marks: string[] = [];
  private readonly copies = new Map<string, readonly string[]>();
  private readonly restored = new Set<string>();
  /** What is wrong with a slot's health, by slot. */
  readonly ailments = new Map<string, string>();
  check: (tenant: string, ctx: CheckContext) => Promise<CheckResult> = async () => ({ ok: true, passed: 1 });
  comparison: () => Comparison = () => ({ compared: 0, differences: [], sums: [] });
  applied: (differences: readonly Difference[]) => Mended = () => ({
    replayed: 0,
    acknowledged: 0,
    cancelled: 0,
    posted: 0,
  });
  private fence: Fence | undefined;
  private readonly tenants: readonly string[];

  constructor(tenants: readonly string[] = ['acme', 'globex']) {
    this.tenants = tenants;
    this.versions.set('main', []);
  }

  /** Puts a running release into a slot, as if it had always been there. */
  run(slot: string, release: ReleaseRef, schemaRange = { min: 1, max: 2 }): void {
    this.held.set(slot, { slot, phase: 'running', release, schemaRange, intact: true, tampered: [], components: [] });
  }

  private raise(ctx: StepContext): boolean {
    if (!admits(this.fence, ctx.fence)) return false;
    this.fence = ctx.fence;
    return true;
  }

  private change<T>(ctx: StepContext, effect: string, work: () => T): Answer<T> {
    if (!this.raise(ctx)) return denied('fenced', 'a later decision was seen');
    this.effects.push(effect);
    return granted(work());
  }

  private turn(tenants: readonly string[], verb: 'hold' | 'open', ctx: StepContext): Answer<void> {
    const unknown = tenants.find((tenant) => !this.tenants.includes(tenant));
    if (unknown) return denied('rejected', `there is no tenant ${unknown}`);
    return this.change(ctx, `${verb} ${tenants.join(',')}`, () => {
      for (const tenant of tenants) verb === 'hold' ? this.turnedAway.add(tenant) : this.turnedAway.delete(tenant);
    });
  }

  private forget(tenants: readonly string[], operations: readonly string[], slot: string | undefined): void {
    const left = this.closed.flatMap((each) => {
      if (!operations.includes(each.operation) || each.slot !== slot) return [each];
      const others = each.tenants.filter((tenant) => !tenants.includes(tenant));
      return others.length === 0 ? [] : [{ ...each, tenants: others }];
    });
    this.closed.splice(0, this.closed.length, ...left);
  }

  readonly target = {
    slots: ['blue', 'green'] as readonly string[],
    observe: async (slot: string): Promise<SlotObservation> =>
      this.held.get(slot) ?? { slot, phase: 'empty', intact: true, tampered: [], components: [] },
    ailment: async (slot: string): Promise<string | undefined> =>
      this.ailments.get(slot) ?? (this.held.get(slot)?.phase === 'running' ? undefined : `slot ${slot} is empty`),
    deploy: async (
      slot: string,
      release: ReleaseRef,
      manifest: ReleaseManifest,
      ctx: StepContext,
    ): Promise<Answer<SlotObservation>> => {
      if (!this.raise(ctx)) return denied('fenced', 'a later decision was seen');
      const before = await this.target.observe(slot);
      if (serves(before, release)) return granted(before);
      return this.change(ctx, `deploy ${slot} ${release.version}`, () => {
        this.run(slot, release, manifest.schemaRange);
        return this.held.get(slot)!;
      });
    },
    retire: async (slot: string, ctx: StepContext): Promise<Answer<SlotObservation>> => {
      if (!this.raise(ctx)) return denied('fenced', 'a later decision was seen');
      if (this.held.delete(slot)) this.effects.push(`retire ${slot}`);
      return granted(await this.target.observe(slot));
    },
  };

  readonly traffic = {
    read: async () =>
      this.tenants.map((tenant) => {
        const held = this.turnedAway.has(tenant);
        const router = this.routes.get(tenant);
        return { tenant, store: this.stores.get(tenant) ?? 'main', router, workers: held ? undefined : router, held };
      }),
    route: async (tenants: readonly string[], slot: string, ctx: StepContext): Promise<Answer<void>> => {
      const unknown = tenants.find((tenant) => !this.tenants.includes(tenant));
      if (unknown) return denied('rejected', `there is no tenant ${unknown}`);
      return this.change(ctx, `route ${tenants.join(',')} ${slot}`, () => {
        for (const tenant of tenants) this.routes.set(tenant, slot);
      });
    },
    hold: async (tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> =>
      this.turn(tenants, 'hold', ctx),
    open: async (tenants: readonly string[], ctx: StepContext): Promise<Answer<void>> =>
      this.turn(tenants, 'open', ctx),
    inFlightElsewhere: async () => (this.running > 0 ? this.running-- : 0),
    writesInFlight: async () => (this.running > 0 ? this.running-- : 0),
  };

  readonly operations = {
    close: async (
      tenants: readonly string[],
      operations: readonly Operation[],
      ctx: StepContext,
      { slot, forMs }: { readonly slot?: string | undefined; readonly forMs?: number | undefined } = {},
    ): Promise<Answer<void>> => {
      const names = operations.map(({ name }) => name);
      const lease = forMs === undefined ? '' : ' leased';
      return this.change(ctx, `close ${names.join(',')} ${tenants.join(',')}${lease}`, () => {
        this.forget(tenants, names, slot);
        const until = forMs === undefined ? {} : { until: Date.now() + forMs };
        for (const { name, says } of operations)
          this.closed.push({ operation: name, says, tenants, ...(slot && { slot }), since: Date.now(), ...until });
      });
    },
    reopen: async (
      tenants: readonly string[],
      operations: readonly string[],
      ctx: StepContext,
      slot?: string,
    ): Promise<Answer<void>> =>
      this.change(ctx, `reopen ${operations.join(',')} ${tenants.join(',')}`, () =>
        this.forget(tenants, operations, slot),
      ),
    closed: async () => [...this.closed],
    inFlight: async () => (this.runningClosed > 0 ? this.runningClosed-- : 0),
  };

  /** What each migration takes. Milliseconds. */
  tookMs = 7.4;

  readonly migrator = {
    stores: ['main'] as readonly string[],
    version: async (store: string): Promise<number> => this.versions.get(store)!.at(-1)?.version ?? 0,
    look: async (store: string): Promise<StoreState> => ({
      schemaVersion: this.versions.get(store)!.at(-1)?.version ?? 0,
    }),
    up: async (
      store: string,
      migration: MigrationRef,
      _sql: string,
      ctx: StepContext,
    ): Promise<Answer<{ version: number }>> => {
      const rows = this.versions.get(store)!;
      const version = rows.at(-1)?.version ?? 0;
      if (!this.raise(ctx)) return denied('fenced', 'a later decision was seen');
      const before = rows.find((row) => row.version === migration.to);
      if (before)
        return before.digest === migration.file.digest
          ? granted({ version })
          : denied('rejected', 'made by another file');
      if (version !== migration.from) return denied('rejected', `the store is at version ${version}`);
      return this.change(ctx, `up ${store} ${migration.to}`, () => {
        rows.push({ version: migration.to, digest: migration.file.digest });
        ctx.took?.(migration.id, this.tookMs);
        return { version: migration.to };
      });
    },
    down: async (
      store: string,
      migration: MigrationBack,
      _sql: string,
      ctx: StepContext,
    ): Promise<Answer<{ version: number }>> => {
      const rows = this.versions.get(store)!;
      const version = rows.at(-1)?.version ?? 0;
      if (!this.raise(ctx)) return denied('fenced', 'a later decision was seen');
      if (version <= migration.from) return granted({ version });
      if (version !== migration.to) return denied('rejected', `the store is at version ${version}`);
      if (rows.at(-1)!.digest !== migration.up.digest) return denied('rejected', 'made by another file');
      return this.change(ctx, `down ${store} ${migration.from}`, () => {
        rows.pop();
        return { version: migration.from };
      });
    },
  };

  readonly restorePoints = {
    take: async (store: string, ctx: StepContext): Promise<Answer<RestorePoint>> => {
      const before = this.kept.find(({ point }) => point.id === `rp-${ctx.idempotencyKey}`);
      if (before) return granted(before.point);
      const schemaVersion = this.versions.get(store)!.at(-1)?.version ?? 0;
      const point: RestorePoint = {
        id: `rp-${ctx.idempotencyKey}`,
        store,
        takenAt: Date.now(),
        manifest: digestFor(ctx.idempotencyKey),
        bytes: 1,
        verified: false,
      };
      this.effects.push(`take ${store}`);
      this.copies.set(point.id, [...this.marks]);
      this.kept.unshift({ point, rollout: ctx.rollout, schemaVersion });
      return granted(point);
    },
    verify: async (_store: string, id: string): Promise<Answer<RestorePoint>> => {
      const found = this.kept.find(({ point }) => point.id === id);
      if (!found || this.spoiled.has(id)) return denied('check-failed', `a file of ${id} isn't what was written`);
      return granted({ ...found.point, verified: true });
    },
    list: async (store: string): Promise<RestorePointList> => ({
      kept: this.kept.filter(({ point }) => point.store === store && !this.unreadable.has(point.id)),
      unreadable: [...this.unreadable.values()],
    }),
    restore: async (
      store: string,
      id: string,
      _target: unknown,
      ctx: StepContext,
    ): Promise<Answer<{ schemaVersion: number }>> => {
      const found = this.kept.find(({ point }) => point.id === id)!;
      if (this.restored.has(ctx.idempotencyKey)) return granted({ schemaVersion: found.schemaVersion });
      this.restored.add(ctx.idempotencyKey);
      return this.change(ctx, `restore ${store} ${id}`, () => {
        this.marks = [...this.copies.get(id)!];
        this.versions.set(
          store,
          this.versions.get(store)!.filter((row) => row.version <= found.schemaVersion),
        );
        return { schemaVersion: found.schemaVersion };
      });
    },
  };

  readonly checks = {
    run: (_verification: unknown, tenant: string, _slot: string, ctx: CheckContext) => this.check(tenant, ctx),
  };

  readonly ledgerSides = {
    settleMs: () => 1_000,
    compare: async () => this.comparison(),
    apply: async (_document: unknown, _store: string, differences: readonly Difference[], ctx: StepContext) =>
      this.change(ctx, `apply ${differences.map((each) => each.key).join(',')}`, () => this.applied(differences)),
  };
}
