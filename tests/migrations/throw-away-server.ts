/** For tests only: a PostgreSQL 15 of the test's own, on which statements are tried. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, findPrograms, openCluster } from '@headgate/adapters/postgres-cluster/index';
import pg from 'pg';

export interface ThrowAwayServer {
  readonly cluster: Cluster;
  /** A superuser's. */
  readonly client: pg.Client;
  remove(): Promise<void>;
}

export async function throwAwayServer(name: string): Promise<ThrowAwayServer> {
  const dir = await mkdtemp(join(tmpdir(), `headgate-${name}-`));
  const undo: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const remove = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  try {
    await chmod(dir, 0o755);
    const settings = { fsync: 'off', autovacuum: 'off' };
    const programs = await findPrograms(15, dir);
    const cluster = await openCluster({ dir: join(dir, 'cluster'), port: await freePort(), settings }, programs);
    undo.push(() => new Cluster(cluster.config, cluster.programs).stop());
    const client = new pg.Client(await cluster.connection());
    await client.connect();
    undo.push(() => client.end());
    return { cluster, client, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
