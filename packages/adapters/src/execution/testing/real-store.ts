/** For tests only: a store on a real cluster of its own. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../machine/free-port.ts';
import { Cluster, openCluster } from '../../postgres-cluster/cluster.ts';
import { ensureDatabase, passwordFileOf } from '../../postgres-cluster/database.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { prepareStore, type Store } from '../store/store-session.ts';

export interface RealStore {
  readonly dir: string;
  readonly store: Store & { readonly cluster: Cluster; readonly passwordFile: string };
  readonly archiveDir: string;
  remove(): Promise<void>;
}

export async function realStore(): Promise<RealStore> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-store-'));
  await chmod(dir, 0o755); // as root the cluster runs as another user
  const archiveDir = join(dir, 'archive');
  const cluster = await openCluster(
    { dir: join(dir, 'cluster'), port: await freePort(), archiveDir },
    await findPrograms(15, dir),
  );
  const login = { database: 'app', user: 'app', passwordFile: passwordFileOf(cluster, 'app') };
  await ensureDatabase(cluster, login);
  const store = { name: 'main', cluster, ...login };
  await prepareStore(store);
  return {
    dir,
    store,
    archiveDir,
    async remove() {
      await new Cluster(cluster.config, cluster.programs).stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
