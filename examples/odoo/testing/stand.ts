/** For tests only: Odoo's stores on a cluster of their own, with tenants, and what runs there when a test asks for it. */
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DatabaseDoor,
  declareBaseline,
  type OdooStores,
  prepareDataView,
  prepareReader,
  prepareRecords,
} from '@headgate/adapters/execution/odoo/index';
import { freePort } from '@headgate/adapters/machine/free-port';
import { runAs } from '@headgate/adapters/machine/run-as';
import { Cluster, openCluster } from '@headgate/adapters/postgres-cluster/cluster';
import { debianPrograms } from '../bring-up/postgresql.ts';
import { ensureTemplate } from '../bring-up/template.ts';
import { type ExampleTenant, ensureTenants, SETUP_SLOT, type TenantAccess } from '../bring-up/tenants.ts';
import { odooParts } from '../parts/index.ts';

export const SLOTS = ['blue', 'green'] as const;

export interface Stand {
  readonly dir: string;
  readonly stores: OdooStores;
  readonly door: DatabaseDoor;
  readonly access: ReadonlyMap<string, TenantAccess>;
  /** Folder of a version's modules that Odoo's user can read. */
  addons(version: string): string;
  remove(): Promise<void>;
}

/** The versions of our module, as folders in the repository. */
export const ADDONS = new URL('../addons/', import.meta.url).pathname;

export async function stand(names: readonly string[]): Promise<Stand> {
  const parts = await odooParts();
  const dir = await mkdtemp(join(tmpdir(), 'headgate-odoo-'));
  await chmod(dir, 0o755);
  const user = runAs();
  const dataDir = join(dir, 'data');
  await mkdir(dataDir);
  if (user) await chown(dataDir, user.uid, user.gid);
  const { cp } = await import('node:fs/promises');
  await cp(ADDONS, join(dir, 'addons'), { recursive: true });
  const cluster = await openCluster({ dir: join(dir, 'cluster'), port: await freePort() }, debianPrograms(parts));
  const tenants: ExampleTenant[] = names.map((name) => ({
    store: { name, database: name },
    name: `Tenant ${name}`,
    referencePattern: name.startsWith('custom') ? '{customer}/{year}' : '{year}-{month}/{project}',
  }));
  const stores: OdooStores = {
    odoo: {
      dir: parts.odoo.dir,
      python: '/usr/bin/python3',
      dataDir,
      dataView: join(dir, 'headgate', 'data-view'),
      user,
    },
    cluster,
    owner: 'odoo',
    byName: new Map(tenants.map(({ store }) => [store.name, store])),
    dir: join(dir, 'headgate'),
    keep: 3,
  };
  await prepareDataView(stores.odoo);
  await prepareRecords(stores);
  await prepareReader(stores);
  const door = new DatabaseDoor(stores);
  await door.prepare([...SLOTS, SETUP_SLOT]);
  const addons = (version: string) => join(dir, 'addons', version);
  await ensureTemplate(stores, door, addons('19.0.1'), parts.odoo.sha256);
  const access = await ensureTenants(stores, door, addons('19.0.1'), tenants);
  await declareBaseline(stores, 1, { headgate_ps: '19.0.1.0.1' });
  return {
    dir,
    stores,
    door,
    access,
    addons,
    async remove() {
      await new Cluster(cluster.config, cluster.programs).stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** All files below a folder, by their relative path. */
export async function filesBelow(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.pyc'));
  const read = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(dir.length + 1), await readFile(path)] as const;
  });
  return new Map(await Promise.all(read));
}
