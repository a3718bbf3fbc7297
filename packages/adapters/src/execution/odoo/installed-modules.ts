import { inTenant } from './reader.ts';
import type { OdooStores } from './store.ts';

/** A module of a tenant as its own database says: the only source that knows (the health check passes on anything). */
export interface InstalledModule {
  readonly name: string;
  /** `installed`, or what is half done: `to upgrade`, `to install`, `to remove`. */
  readonly state: string;
  /** Version of the code that last upgraded it: `19.0.2.0.0`. */
  readonly version: string;
}

/** All modules of a database that aren't plainly uninstalled, by name. Throws when it is no Odoo database. */
export async function installedModules(
  stores: OdooStores,
  database: string,
): Promise<ReadonlyMap<string, InstalledModule>> {
  return inTenant(stores, database, async (client) => {
    const { rows } = await client.query<InstalledModule>(
      `select name, state, coalesce(latest_version, '') as version from public.ir_module_module
       where state not in ('uninstalled', 'uninstallable') order by name`,
    );
    return new Map(rows.map((row) => [row.name, row]));
  });
}

/** Versions by module name, as they should be. */
export type ModuleVersions = Readonly<Record<string, string>>;

/** In what a tenant's modules differ from the expected versions, in words; empty: in nothing. */
export function moduleDrift(
  installed: ReadonlyMap<string, InstalledModule>,
  expected: ModuleVersions,
): readonly string[] {
  const wrong: string[] = [];
  for (const [name, version] of Object.entries(expected)) {
    const found = installed.get(name);
    if (!found) wrong.push(`the module ${name} isn't installed, expected ${version}`);
    else if (found.version !== version) wrong.push(`the module ${name} is at ${found.version}, expected ${version}`);
  }
  return [...wrong, ...halfDone(installed)];
}

/** Modules that an upgrade left half done. */
export function halfDone(installed: ReadonlyMap<string, InstalledModule>): readonly string[] {
  return [...installed.values()]
    .filter(({ state }) => state !== 'installed')
    .map(({ name, state }) => `the module ${name} is still marked "${state}"`);
}
