import type { CheckResult, Checks } from '@headgate/execution';
import type { RouterClient } from '../router/router-client.ts';
import type { DatabaseDoor } from './database-door.ts';
import { findStore, type OdooStores } from './store.ts';

export interface BehindDoor {
  readonly checks: Checks;
  readonly router: RouterClient;
  readonly door: DatabaseDoor;
  readonly stores: OdooStores;
  readonly storeOf: ReadonlyMap<string, string>;
}

/**
 * Business transactions of tenants of whom some are held: for as long as they run, the database lets in the slot that is
 * checked, and nobody else. The router goes on turning customers away, and no scheduler is told of the tenant.
 */
export class ChecksBehindDoor implements Checks {
  private readonly parts: BehindDoor;

  constructor(parts: BehindDoor) {
    this.parts = parts;
  }

  async run(...args: Parameters<Checks['run']>): Promise<CheckResult> {
    const [, tenant, slot] = args;
    const { checks, door, stores, storeOf } = this.parts;
    const name = storeOf.get(tenant);
    if (name === undefined || !(await this.held(tenant))) return checks.run(...args);
    const store = findStore(stores, name);
    await door.open(store, slot);
    try {
      return await checks.run(...args);
    } finally {
      // Killed before this, the door stays open: whatever comes next (a route, a restore, an opening) sets it anew.
      if (await this.held(tenant)) await door.close(store);
    }
  }

  private async held(tenant: string): Promise<boolean> {
    return (await this.parts.router.table()).held.includes(tenant);
  }
}
