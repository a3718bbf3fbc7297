import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckResult, Checks, StepContext } from '@headgate/execution';
import type { RouterClient } from '../router/router-client.ts';
import type { DatabaseDoor } from './database-door.ts';
import { holdStore } from './records.ts';
import { findStore, type OdooStore, type OdooStores } from './store.ts';

export interface BehindDoor {
  readonly checks: Checks;
  readonly router: Pick<RouterClient, 'table'>;
  readonly door: Pick<DatabaseDoor, 'open' | 'close'>;
  readonly stores: OdooStores;
  readonly storeOf: ReadonlyMap<string, string>;
}

/** How long somebody else may be at work on a store that is checked, or its server away. Milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * Business transactions of tenants of whom some are held: for as long as they run, the database lets in the slot that is
 * checked, and nobody else. The router goes on turning customers away, and no scheduler is told of the tenant. The door is
 * opened and closed under the step's fence: what a later decision did to it isn't undone by an earlier one's check.
 */
export class ChecksBehindDoor implements Checks {
  private readonly parts: BehindDoor;

  constructor(parts: BehindDoor) {
    this.parts = parts;
  }

  /** Throws when the door of a held tenant can't be opened, or can't be closed again. */
  async run(...args: Parameters<Checks['run']>): Promise<CheckResult> {
    const [, tenant, slot, ctx] = args;
    const { checks, door, stores, storeOf } = this.parts;
    const name = storeOf.get(tenant);
    if (name === undefined || !(await this.held(tenant))) return checks.run(...args);
    const store = findStore(stores, name);
    const opened = await this.under(store, ctx, async () => {
      // Opened to customers since it was asked: it is open for the slot that they are sent to.
      if (await this.held(tenant)) await door.open(store, slot);
    });
    if (opened === 'fenced') throw new Error(`the store ${name} has seen a later decision than this check's`);
    try {
      return await checks.run(...args);
    } finally {
      // Killed before this, the door stays open: whatever comes next (a route, a restore, an opening) sets it anew.
      await this.closed(store, ctx);
    }
  }

  /** Also when the check was told to end, and when the server is away for a moment. */
  private async closed(store: OdooStore, { fence }: Pick<StepContext, 'fence'>): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    const ctx = { fence, signal: AbortSignal.timeout(PATIENCE_MS) };
    for (;;) {
      try {
        // Only a later decision opens a tenant to customers: as long as none was seen, nobody may be let in.
        await this.under(store, ctx, () => this.parts.door.close(store));
        return;
      } catch (error) {
        if (performance.now() > until) throw error;
        await sleep(200);
      }
    }
  }

  /** Under the store's fence; waits while somebody else is at work on it. */
  private async under(
    store: OdooStore,
    ctx: Pick<StepContext, 'fence' | 'signal'>,
    work: () => Promise<void>,
  ): Promise<'fenced' | undefined> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const done = await holdStore(this.parts.stores, store, ctx, work);
      if (done !== 'busy') return done === 'fenced' ? done : undefined;
      if (ctx.signal.aborted || performance.now() > until)
        throw new Error(`somebody else is at work on the store ${store.name}`);
      await sleep(100);
    }
  }

  private async held(tenant: string): Promise<boolean> {
    return (await this.parts.router.table()).held.includes(tenant);
  }
}
