import type pg from 'pg';
import { plainText } from '../store/plain-text.ts';
import { StoreFault } from '../store/store-fault.ts';
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

const TABLE = { name: 'ir_module_module', columns: ['name', 'state', 'latest_version'] } as const;
/** Longer than any name, state or version of Odoo's. Characters. */
const MOST_CHARACTERS = 200;
/** Odoo itself has less than a thousand. */
const MOST_MODULES = 20_000;

/**
 * All modules of a database that aren't plainly uninstalled, by name. Texts are bounded, and hold nothing that a terminal
 * would act on. `also` reads on in the same transaction, names nothing unqualified, and runs nothing of the owner's. Throws a `StoreFault` when it is no Odoo database, or holds what no Odoo writes.
 */
export async function installedModules(
  stores: OdooStores,
  database: string,
  also: (client: pg.ClientBase) => Promise<void> = async () => {},
): Promise<ReadonlyMap<string, InstalledModule>> {
  const rows = await inTenant(stores, database, TABLE, async (client) => {
    const asked = await client.query<InstalledModule>(
      `select ${bounded('name')} as name, ${bounded('state')} as state, ${bounded('latest_version')} as version
       from only public.${TABLE.name}
       where state operator(pg_catalog.<>) 'uninstalled' collate pg_catalog."C"
         and state operator(pg_catalog.<>) 'uninstallable' collate pg_catalog."C"
       limit ${MOST_MODULES + 1}`,
    );
    await also(client);
    return asked.rows;
  });
  if (rows.length > MOST_MODULES)
    throw new StoreFault(`the database ${database} says that it has more than ${MOST_MODULES} modules`);
  const plain = rows.map(({ name, state, version }) => ({
    name: text(name),
    state: text(state),
    version: text(version),
  }));
  const byName = new Map(plain.sort((a, b) => (a.name < b.name ? -1 : 1)).map((module) => [module.name, module]));
  // Odoo keeps them apart itself; of two rows one could hide what the other says.
  if (byName.size !== rows.length) throw new StoreFault(`the database ${database} names a module more than once`);
  return byName;
}

function bounded(column: string): string {
  return `pg_catalog."left"(${column}, ${MOST_CHARACTERS})`;
}

function text(read: string | null): string {
  return plainText(read ?? '', 2 * MOST_CHARACTERS);
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
