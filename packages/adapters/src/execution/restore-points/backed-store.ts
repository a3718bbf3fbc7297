import type { Cluster } from '../../postgres-cluster/cluster.ts';
import type { PgBackRestConfig } from '../pgbackrest/pgbackrest-config.ts';
import type { SnapshotConfig } from '../snapshots/snapshot-config.ts';
import type { Store } from '../store/store-session.ts';

/** A store with what its restore points need. */
export interface BackedStore extends Store {
  /** Ours to stop, to copy and to start again. */
  readonly cluster: Cluster;
  readonly passwordFile: string;
  readonly archiveDir: string;
  readonly restorePointsDir: string;
  /** Folders of files that belong to the store. */
  readonly files: readonly { readonly name: string; readonly dir: string }[];
  /** How many restore points are kept; older ones, and the WAL before them, are removed. */
  readonly keep: number;
  /** A restore point promises its rows, for which all of them are read once more; absent: it doesn't. */
  readonly census?: boolean;
  /** Its WAL is copied to a vault: what isn't there yet stays in the archive, whatever it is needed for here. */
  readonly shipsWal?: boolean;
  /** Its restore points are pgBackRest's backups, and its WAL is archived there. */
  readonly pgbackrest?: PgBackRestConfig;
  /** Its restore points are snapshots that somebody's program takes. */
  readonly snapshots?: SnapshotConfig;
}
