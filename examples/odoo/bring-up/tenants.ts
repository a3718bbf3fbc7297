import { randomBytes } from 'node:crypto';
import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createTenant,
  type DatabaseDoor,
  type OdooStore,
  type OdooStores,
} from '@headgate/adapters/execution/odoo/index';
import { readIfThere, readSecret, writeDurably } from '@headgate/adapters/machine/durable-file';
import { runShell } from './shell.ts';
import { TEMPLATE } from './template.ts';

/** One tenant of the example. */
export interface ExampleTenant {
  readonly store: OdooStore;
  /** The company's name. */
  readonly name: string;
  /** How the tenant wants its invoices referred to: `{year}-{month}/{project}`. */
  readonly referencePattern: string;
}

/** How a tenant's user is logged in. */
export interface TenantAccess {
  readonly login: 'api';
  /** Bearer key for JSON-2, password for XML-RPC. */
  readonly key: string;
  readonly password: string;
}

/** Makes each tenant's database and filestore out of the template, with an access of its own. Those that are there stay. */
export async function ensureTenants(
  stores: OdooStores,
  door: DatabaseDoor,
  addons: string,
  tenants: readonly ExampleTenant[],
): Promise<ReadonlyMap<string, TenantAccess>> {
  const file = join(stores.dir, 'tenant-access.json');
  const known: Record<string, TenantAccess> = (await readIfThere(file)) ? JSON.parse(await readSecret(file)) : {};
  const fresh = tenants.filter(({ store }) => !Object.hasOwn(known, store.name));
  if (fresh.length > 0) {
    for (const { store } of fresh) {
      const made = await createTenant(stores, door, { store, template: TEMPLATE });
      if (!made.ok) throw new Error(made.why);
      known[store.name] = {
        login: 'api',
        key: randomBytes(20).toString('hex'),
        password: randomBytes(18).toString('base64url'),
      };
    }
    await personalise(stores, door, addons, fresh, known);
    await writeDurably(file, `${JSON.stringify(known)}\n`, 0o600);
  }
  return new Map(Object.entries(known));
}

async function personalise(
  stores: OdooStores,
  door: DatabaseDoor,
  addons: string,
  tenants: readonly ExampleTenant[],
  access: Readonly<Record<string, TenantAccess>>,
): Promise<void> {
  const said = tenants.map(({ store, name, referencePattern }) => ({
    database: store.database,
    name,
    referencePattern,
    password: access[store.name]!.password,
    key: access[store.name]!.key,
  }));
  const { user } = stores.odoo;
  const path = join(stores.odoo.dataDir, 'tenants.json');
  await writeFile(path, JSON.stringify(said), { mode: 0o600 });
  if (user) await chown(path, user.uid, user.gid);
  try {
    for (const { store } of tenants) await door.open(store, SETUP_SLOT);
    const login = await door.slotLogin(SETUP_SLOT);
    const database = tenants[0]!.store.database;
    const environment = { HEADGATE_TENANTS: path };
    await runShell(stores, { script: 'tenant_data.py', login, addons: [addons], database, environment });
    for (const { store } of tenants) await door.close(store);
  } finally {
    await rm(path, { force: true });
  }
}

/** A login of its own for setting up, so that no slot's is open before its tenant is routed. */
export const SETUP_SLOT = 'setup';
