/**
 * Physical restore points of a store: its cluster and its folders of files together, copied while it runs.
 *
 *   <restore points>/<id>/manifest.json     every file with size and SHA-256, the LSNs, the schema version
 *   <restore points>/<id>/data/             the cluster's folder between pg_backup_start and pg_backup_stop
 *   <restore points>/<id>/wal/              the WAL that makes that copy consistent, so it stands on its own
 *   <restore points>/<id>/files/<name>/     folders of files, copied after the database: what it refers to is there
 *   <restore points>/<id>.sha256            the manifest's digest, as it was reported, and the rollout it was taken for
 *   <restore points>/<id>.verified          when every file was last read back and found equal
 *
 * A later moment is reached with the WAL that the cluster archives (recovery.signal and a target). WAL is put into the
 * new cluster's folder beforehand, so no command of a shell is made from paths.
 */
export * from './backed-store.ts';
export * from './manifest.ts';
export * from './physical-restore-points.ts';
export * from './recovery.ts';
