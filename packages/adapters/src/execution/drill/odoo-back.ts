/** A tenant's restore point of Odoo becomes a database on a PostgreSQL of its own, with its filestore beside it. */
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { withClient } from '../../postgres-cluster/database.ts';
import { createDatabase, ownTree, restoreDatabase } from '../odoo/dump.ts';
import { halfDone, installedModules } from '../odoo/installed-modules.ts';
import { PointManifest } from '../odoo/point-manifest.ts';
import { readerConnection } from '../odoo/reader.ts';
import type { OdooStore, OdooStores } from '../odoo/store.ts';
import { openAside } from '../odoo/stores-aside.ts';
import { type BringBackAsk, type BroughtBack, urlOf } from './brought-back.ts';

/** Variables by which a program for business transactions finds what Odoo needs beside its database. */
export const ODOO_VARIABLES = {
  dataDir: 'HEADGATE_DRILL_ODOO_DATA_DIR',
  installation: 'HEADGATE_DRILL_ODOO_DIR',
  python: 'HEADGATE_DRILL_ODOO_PYTHON',
} as const;

export async function odooBack(
  { id, dir, deadlineMs, signal }: BringBackAsk,
  { stores, store }: { readonly stores: OdooStores; readonly store: OdooStore },
): Promise<BroughtBack> {
  const { database } = store;
  const aside = await openAside(dir, stores, store, 'data-folder');
  const { cluster, odoo } = aside;
  const { dataDir } = odoo;
  await createDatabase(aside, database, 'anew');
  const point = join(dir, 'points', id);
  await restoreDatabase(aside, database, join(point, 'dump'), deadlineMs, signal);
  // A copy: business transactions may write to it, and what was fetched is compared afterwards.
  const filestore = join(dataDir, 'filestore', database);
  await mkdir(filestore, { recursive: true, mode: 0o755 });
  await cp(join(point, 'filestore'), filestore, { recursive: true }).catch(nothingIfMissing);
  await ownTree(dataDir, odoo.user);
  await letOwnerIn(aside, database);
  return {
    store: { name: store.name, cluster, database, user: stores.owner, passwordFile: cluster.passwordFile },
    url: await urlOf(cluster, database),
    counting: await readerConnection(aside, database),
    version: async () => versionOf(aside, database, join(point, 'manifest.json')),
    environment: variablesOf(aside),
    close: () => cluster.stop(0),
  };
}

/** What a program for business transactions is told of it. */
export function variablesOf({ odoo }: Pick<OdooStores, 'odoo'>): Readonly<Record<string, string>> {
  return {
    [ODOO_VARIABLES.dataDir]: odoo.dataDir,
    [ODOO_VARIABLES.installation]: odoo.dir,
    [ODOO_VARIABLES.python]: odoo.python,
  };
}

/** On a PostgreSQL that is thrown away alone: the owner's own login may open the database, once it has a password. */
export async function letOwnerIn({ cluster, owner }: OdooStores, database: string): Promise<void> {
  await withClient(await cluster.controlConnection(), async (client) => {
    const name = pg.escapeIdentifier(owner);
    await client.query(`grant connect on database ${pg.escapeIdentifier(database)} to ${name}`);
    await client.query(`alter role ${name} connection limit -1`);
  });
}

/** What the restore point says, as long as every module came back as it names it: else none that anybody knows. */
async function versionOf(stores: OdooStores, database: string, manifestFile: string): Promise<number | undefined> {
  const { modules: promised, schemaVersion } = PointManifest.parse(JSON.parse(await readFile(manifestFile, 'utf8')));
  const found = await installedModules(stores, database);
  const same =
    halfDone(found).length === 0 &&
    found.size === Object.keys(promised).length &&
    [...found.values()].every(({ name, version }) => Object.hasOwn(promised, name) && promised[name] === version);
  return same ? schemaVersion : undefined;
}

function nothingIfMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
