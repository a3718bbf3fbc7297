import type { BackedStore } from '../restore-points/backed-store.ts';
import { pgbackrestFolder } from './own-configuration.ts';
import { PgBackRest } from './pgbackrest.ts';
import type { PgBackRestConfig } from './pgbackrest-config.ts';

/** A store whose restore points are backups of pgBackRest's. */
export interface PgBackRestStore extends BackedStore {
  readonly pgbackrest: PgBackRestConfig;
}

export function hasPgBackRest(store: BackedStore): store is PgBackRestStore {
  return store.pgbackrest !== undefined;
}

/** The pgBackRest of a store: its configuration is written, the repository isn't asked yet. After the cluster was made. */
export function openPgBackRest({
  cluster,
  pgbackrest: config,
}: Pick<PgBackRestStore, 'cluster' | 'pgbackrest'>): Promise<PgBackRest> {
  return PgBackRest.open({
    ...{ config, dir: pgbackrestFolder(cluster.dir), data: cluster.data, port: cluster.config.port },
    ...{ passwordFile: cluster.passwordFile, user: cluster.programs.user },
  });
}
