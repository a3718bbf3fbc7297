import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createDatabase,
  type DatabaseDoor,
  dumpDatabase,
  filestoreDir,
  installCommand,
  type OdooStore,
  type OdooStores,
  odooEnvironment,
  ownTree,
  restoreDatabase,
  runBounded,
} from '@headgate/adapters/execution/odoo/index';
import { keepTemplate, keptTemplate } from '../parts/template-cache.ts';
import { runShell } from './shell.ts';

/** The database that tenants are copied from. */
export const TEMPLATE: OdooStore = { name: 'template', database: 'template_ps' };

const MODULES = ['account', 'hr_timesheet', 'sale_timesheet', 'headgate_ps'];
const CACHE = '/var/cache/headgate';

/**
 * Makes the template database unless it is there: by Odoo's own installation, which takes a minute, the first time on
 * this machine, later from the dump that was kept then. `odooDigest` names the Odoo that it was made by.
 */
export async function ensureTemplate(
  stores: OdooStores,
  door: DatabaseDoor,
  addons: string,
  odooDigest: string,
): Promise<'there' | 'restored' | 'installed'> {
  if (await databaseThere(stores, TEMPLATE.database)) return 'there';
  const key = await keyOf(addons, odooDigest);
  const making = { name: TEMPLATE.name, database: `${TEMPLATE.database}_new` };
  await createDatabase(stores, making.database, 'anew');
  const from = filestoreDir(stores, making);
  await rm(from, { recursive: true, force: true });
  const kept = await keptTemplate(CACHE, key);
  if (kept !== undefined) {
    // Somebody waits for it.
    await restoreDatabase(stores, making.database, join(kept, 'dump'), 600_000, new AbortController().signal, false);
    await cp(join(kept, 'filestore'), from, { recursive: true });
    await ownTree(from, stores.odoo.user);
  } else {
    const login = await door.forAssignment(making);
    const run = await runBounded({
      command: installCommand(stores.odoo, [addons], making.database, MODULES),
      environment: odooEnvironment(stores.odoo, login),
      workDir: join(stores.dir, 'setup'),
      user: stores.odoo.user,
      deadlineMs: 600_000,
      signal: new AbortController().signal,
      secrets: [login.password],
    });
    if (run.exitCode !== 0) throw new Error(`Odoo couldn't install its modules: ${run.output.slice(-2_000)}`);
    await runShell(stores, { script: 'template_data.py', login, addons: [addons], database: making.database });
    await door.endAssignments(making);
    await keepTemplate(CACHE, key, async (dir) => {
      const never = new AbortController().signal;
      await dumpDatabase(stores, making.database, join(dir, 'dump'), 300_000, never);
      await cp(filestoreDir(stores, making), join(dir, 'filestore'), { recursive: true });
    });
  }
  await renameDatabase(stores, making.database, TEMPLATE.database);
  const place = filestoreDir(stores, TEMPLATE);
  await rm(place, { recursive: true, force: true });
  await rename(from, place);
  return kept === undefined ? 'installed' : 'restored';
}

async function databaseThere(stores: OdooStores, database: string): Promise<boolean> {
  const { withClient } = await import('@headgate/adapters/postgres-cluster/database');
  return withClient(await stores.cluster.connection(), async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    return rowCount === 1;
  });
}

async function renameDatabase(stores: OdooStores, from: string, to: string): Promise<void> {
  const { withClient } = await import('@headgate/adapters/postgres-cluster/database');
  await withClient(await stores.cluster.connection(), async (client) => {
    await client.query(`alter database ${client.escapeIdentifier(from)} rename to ${client.escapeIdentifier(to)}`);
  });
}

/** What the template was made of: another Odoo, another module or other data make another one. */
async function keyOf(addons: string, odooDigest: string): Promise<string> {
  const hash = createHash('sha256').update(odooDigest).update(MODULES.join());
  hash.update(await readFile(new URL('template_data.py', import.meta.url)));
  const entries = await readdir(addons, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(file.slice(addons.length)).update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}
