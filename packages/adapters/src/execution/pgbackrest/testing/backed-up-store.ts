/** For tests only: a store on a real cluster, whose restore points are a real pgBackRest's. */
import { existsSync } from 'node:fs';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPackages } from '@headgate/example-odoo/parts/debian-packages.ts';
import { Cluster } from '../../../postgres-cluster/cluster.ts';
import { withClient } from '../../../postgres-cluster/database.ts';
import { type RealStore, realStore } from '../../testing/real-store.ts';
import { archivingSettings, pgbackrestFolder } from '../own-configuration.ts';
import { PgBackRestConfig } from '../pgbackrest-config.ts';
import { PgBackRestRestorePoints } from '../pgbackrest-restore-points.ts';
import { openPgBackRest, type PgBackRestStore } from '../pgbackrest-store.ts';

const PROGRAM = '/usr/bin/pgbackrest';

/**
 * Why tests against the real pgBackRest are left out, or nothing when they can run. With HEADGATE_REQUIRE_REAL=1 it is installed,
 * and a failure is one.
 */
export async function pgbackrestMissing(): Promise<string | undefined> {
  if (existsSync(PROGRAM)) return undefined;
  if (process.env.HEADGATE_REQUIRE_REAL === '1') {
    await installPackages(['pgbackrest']);
    if (!existsSync(PROGRAM)) throw new Error(`Debian's pgbackrest brought no ${PROGRAM}`);
    return undefined;
  }
  const why = 'Debian’s pgBackRest is missing: apt-get install --no-install-recommends pgbackrest';
  console.error(`Tests against the real pgBackRest are left out: ${why}`);
  return why;
}

export interface BackedUpStore {
  readonly real: RealStore;
  readonly store: PgBackRestStore;
  readonly points: PgBackRestRestorePoints;
  /** The repository, where it is a folder. */
  readonly repositoryDir: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** The same store with another configuration of pgBackRest's. */
  with(more: Partial<PgBackRestConfig>): PgBackRestStore;
}

export const PASSPHRASE = 'a passphrase that shows nowhere';

/** `repository`: a folder of its own where nothing else is said. */
export async function backedUpStore(repository?: PgBackRestConfig['repository']): Promise<BackedUpStore> {
  const real = await realStore();
  try {
    return await backedUp(real, repository);
  } catch (error) {
    await real.remove();
    throw error;
  }
}

async function backedUp(real: RealStore, repository?: PgBackRestConfig['repository']): Promise<BackedUpStore> {
  const { cluster: plain } = real.store;
  const repositoryDir = join(real.dir, 'repository');
  await mkdir(repositoryDir);
  const { user } = plain.programs;
  if (user) await chown(repositoryDir, user.uid, user.gid);
  const passphraseFile = join(real.dir, 'passphrase');
  await writeFile(passphraseFile, `${PASSPHRASE}\n`, { mode: 0o600 });
  const pgbackrest = PgBackRestConfig.parse({
    stanza: 'main',
    repository: repository ?? { kind: 'folder', dir: repositoryDir },
    passphraseFile,
    program: PROGRAM,
  });
  const { dir, port } = plain.config;
  const settings = archivingSettings(pgbackrest, pgbackrestFolder(dir));
  const store: PgBackRestStore = {
    ...{ ...real.store, cluster: new Cluster({ dir, port, settings }, plain.programs), pgbackrest, keep: 5, files: [] },
    ...{ archiveDir: real.archiveDir, restorePointsDir: join(real.dir, 'restore-points'), census: true },
  };
  await openPgBackRest(store);
  await store.cluster.startAsSet();
  const points = new PgBackRestRestorePoints(new Map([['main', store]]));
  await points.prepare((event) => {
    throw new Error(event);
  });
  return {
    ...{ real, store, points, repositoryDir },
    query: async (sql) =>
      withClient(await store.cluster.connection('app'), async (client) => (await client.query(sql)).rows),
    with: (more) => ({ ...store, pgbackrest: { ...pgbackrest, ...more } }),
  };
}
