/** A tenant's store on a PostgreSQL of its own, with a data folder of its own: where drills and rehearsals bring it back. */
import { join } from 'node:path';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { COPY_SETTINGS } from '../rehearsal/copy-server.ts';
import { PROGRAMS } from '../rehearsal/throw-away-cluster.ts';
import { DatabaseDoor } from './database-door.ts';
import { prepareReader } from './reader.ts';
import { prepareRecords } from './records.ts';
import type { OdooStore, OdooStores } from './store.ts';

/**
 * Makes one in `dir`, a folder that is thrown away, and starts it: no database of the tenant's yet. `dataView`: the folder that
 * Odoo's processes are given as their data folder.
 */
export async function openAside(
  dir: string,
  stores: OdooStores,
  store: OdooStore,
  dataView: 'data-folder' | 'of-ours',
): Promise<OdooStores> {
  const { programs } = stores.cluster;
  const cluster = new Cluster({ dir: join(dir, 'cluster'), port: await freePort(), settings: COPY_SETTINGS }, programs);
  const dataDir = join(dir, 'odoo-data');
  const view = dataView === 'data-folder' ? dataDir : join(dir, 'odoo-view');
  const aside: OdooStores = {
    ...stores,
    odoo: { ...stores.odoo, dataDir, dataView: view },
    cluster,
    dir: join(dir, PROGRAMS),
    byName: new Map([[store.name, store]]),
  };
  await cluster.init();
  await cluster.start();
  await prepareRecords(aside);
  await prepareReader(aside);
  await new DatabaseDoor(aside).prepare([]);
  return aside;
}
