import { resolve } from 'node:path';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import type { Programs } from '../../postgres-cluster/programs.ts';
import type { CellConfig } from '../cell-config.ts';
import { archivingSettings, pgbackrestFolder } from '../pgbackrest/own-configuration.ts';
import { promisesRows } from '../vault/vault-config.ts';
import type { BackedStore } from './backed-store.ts';

/** A store of a cell whose cluster is ours, by the cell's configuration. Nothing is started. */
export function physicalStore(config: CellConfig, name: string, programs: Programs): BackedStore {
  const { clusterDir: dir, port, archiveDir, keepRestorePoints: keep, ...store } = config.stores[name]!;
  const { database, user, passwordFile, restorePointsDir, files, pgbackrest, snapshots } = store;
  // What is archived beside snapshots nobody could use: they hold one moment each.
  const ours = snapshots === undefined ? { archiveDir } : {};
  const archiving =
    pgbackrest === undefined ? ours : { settings: archivingSettings(pgbackrest, pgbackrestFolder(resolve(dir))) };
  return {
    ...{ name, cluster: new Cluster({ dir, port, ...archiving }, programs), database, user, passwordFile },
    ...{ archiveDir, restorePointsDir, files, keep },
    census: snapshots?.census ?? promisesRows(config.vault),
    shipsWal: pgbackrest === undefined && config.vault?.wal !== undefined,
    ...(pgbackrest !== undefined && { pgbackrest }),
    ...(snapshots !== undefined && { snapshots }),
  };
}
