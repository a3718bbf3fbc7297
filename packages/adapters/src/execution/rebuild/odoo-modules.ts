/** Odoo's modules in a cell that comes back: what its tenants have installed, beside what the release in their slot brings. */
import { join } from 'node:path';
import { fullVersion } from '../odoo/compatibility.ts';
import { DatabaseDoor } from '../odoo/database-door.ts';
import { installedModules, moduleDrift } from '../odoo/installed-modules.ts';
import { readAddons } from '../odoo/module-manifest.ts';
import { addonsOf, odooStores } from '../odoo/odoo-cell.ts';
import type { OdooCellConfig } from '../odoo/odoo-cell-config.ts';
import { neutralise } from '../odoo/rehearsal/neutralise.ts';
import { findStore, type OdooStore, storeDir } from '../odoo/store.ts';

export interface SlotsModules {
  readonly config: OdooCellConfig;
  readonly slot: string;
  readonly tenants: readonly string[];
  /** Of the release, for words. */
  readonly version: string;
  readonly signal: AbortSignal;
}

/**
 * Compares them, of every tenant of the slot, once the release's files are laid out there. Throws, in words, where code would run on a
 * database that isn't its own: Odoo's health check passes on anything.
 */
export async function compareModules({ config, slot, tenants, version, signal }: SlotsModules): Promise<void> {
  const stores = odooStores(config);
  const folders = (await addonsOf(config, slot)) ?? [];
  const wrong: string[] = [];
  for (const store of storesOf(config, tenants)) {
    const { series, own, available } = await readAddons(
      stores.odoo,
      folders,
      join(storeDir(stores, store), 'manifests'),
      signal,
    );
    const installed = await installedModules(stores, store.database);
    const brings = own.filter(({ name }) => installed.has(name));
    const versions = brings.map((each) => [each.name, fullVersion(each.version, series) ?? each.version] as const);
    for (const why of moduleDrift(installed, Object.fromEntries(versions))) wrong.push(`${store.name}: ${why}`);
    for (const name of installed.keys())
      if (!available.has(name)) wrong.push(`${store.name}: the module ${name} is installed, and ${version} has none`);
  }
  if (wrong.length > 0)
    throw new Error(
      `${version} isn’t what ran on these databases: ${wrong.slice(0, 5).join('; ')}; name the release that did (--release DIR)`,
    );
}

/** Has Odoo make the slot's tenants harmless, on a copy, before anybody is led there: no mail, no scheduled job, no service of others. */
export async function neutraliseTenants(
  { config, slot, tenants, signal }: SlotsModules,
  deadlineMs: number,
): Promise<void> {
  const stores = odooStores(config);
  const door = new DatabaseDoor(stores);
  const addons = (await addonsOf(config, slot)) ?? [];
  for (const tenant of storesOf(config, tenants))
    await neutralise({ stores, tenant, door }, addons, { deadlineMs, signal }, false);
}

function storesOf(config: OdooCellConfig, tenants: readonly string[]): readonly OdooStore[] {
  const stores = odooStores(config);
  return tenants.map((tenant) => findStore(stores, config.tenants[tenant]!.store));
}
