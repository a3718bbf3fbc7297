/**
 * A copy of a whole running cluster, and a cluster made from one. PostgreSQL's own backup mode makes it consistent; the WAL
 * that was written meanwhile goes with it, so it stands by itself.
 */
import { chmod, chown, copyFile as copy, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { copyFile, copyTree, type FileEntry, readBack } from '../machine/copy-tree.ts';
import { Cluster } from './cluster.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { leftOut, segmentsBetween } from './copied-parts.ts';
import { withClient } from './database.ts';
import type { Programs } from './programs.ts';

export interface ClusterCopy {
  readonly folders: readonly string[];
  readonly files: readonly FileEntry[];
}

/**
 * Copies a running cluster into `to`: below `data` PostgreSQL's folder, below `wal` what brings it to one moment. `before`
 * is called in the backup's own session right before that moment. When we die, the copy stays without a manifest.
 */
export async function copyCluster<T>(
  cluster: Cluster,
  to: string,
  before: (client: pg.Client) => Promise<T>,
  signal: AbortSignal,
): Promise<ClusterCopy & { readonly at: T }> {
  return withClient(await cluster.connection(), async (client) => {
    const { rows: started } = await client.query<{ wal: string }>(
      `select pg_walfile_name(lsn) as wal from pg_backup_start('headgate', true) as lsn`,
    );
    const tree = await copyTree(cluster.data, to, 'data', leftOut, signal);
    const at = await before(client);
    const { rows: stopped } = await client.query<{ label: string; map: string; wal: string }>(
      'select labelfile as label, spcmapfile as map, pg_walfile_name(lsn) as wal from pg_backup_stop(false)',
    );
    const { label, map, wal } = stopped[0]!;
    if (map !== '') throw new Error('the cluster has tablespaces, and a copy holds its own folder only');
    const labelPath = join('data', 'backup_label');
    await writeFile(join(to, labelPath), label, { mode: 0o600, flush: true });
    const read = (await readBack(join(to, labelPath)))!;
    const files = [...tree.files, { path: labelPath, ...read, mode: 0o600, uid: 0, gid: 0 }];
    await mkdir(join(to, 'wal'), { recursive: true, mode: 0o700 });
    for (const segment of segmentsBetween(started[0]!.wal, wal)) {
      const path = join('wal', segment);
      const entry = await copyFile(join(cluster.data, 'pg_wal', segment), join(to, path), path);
      if (entry === undefined)
        throw new Error(`the WAL segment ${segment} was recycled while it was copied: try again`);
      files.push(entry);
    }
    return { folders: [...tree.folders, 'wal'], files, at };
  });
}

/** The first file of a copy that isn't what its manifest says, in words; undefined: all of them are. */
export async function damagedFile(
  dir: string,
  files: readonly Pick<FileEntry, 'path' | 'size' | 'sha256'>[],
): Promise<string | undefined> {
  for (const { path, size, sha256 } of files) {
    const found = await readBack(join(dir, path));
    if (found === undefined) return `${path} is missing`;
    if (found.size !== size || found.sha256 !== sha256) return `${path} isn't what was written`;
  }
  return undefined;
}

/** Makes a cluster's folder from a copy: where there is none yet. It isn't started; its first start recovers it. */
export async function clusterFromCopy(
  config: ClusterConfig,
  programs: Programs,
  from: string,
  { folders, files }: ClusterCopy,
): Promise<Cluster> {
  const cluster = new Cluster(config, programs);
  if ((await stat(cluster.data).catch(() => undefined)) !== undefined)
    throw new Error(`${cluster.data} is there already`);
  const { user } = programs;
  const own = async (path: string): Promise<void> => {
    if (user) await chown(path, user.uid, user.gid);
  };
  await mkdir(cluster.dir, { recursive: true, mode: 0o755 });
  await cluster.ownFolder(cluster.data);
  for (const folder of folders.filter((each) => each.startsWith('data/')).sort()) {
    const path = join(cluster.dir, folder);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await own(path);
  }
  for (const { path } of files) {
    const target = path.startsWith('wal/') ? join(cluster.data, 'pg_wal', path.slice(4)) : join(cluster.dir, path);
    if (!path.startsWith('wal/') && !path.startsWith('data/')) continue;
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await copy(join(from, path), target);
    await chmod(target, 0o600);
    await own(target);
  }
  return cluster;
}
