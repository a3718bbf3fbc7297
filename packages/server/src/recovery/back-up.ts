/** `headgate-server backup`: a copy of the embedded database and the server's folder, while the server runs or not. */
import { chmod, copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { readBack } from '@headgate/adapters/machine/copy-tree';
import { DataFolderInUse, dataFolderLock } from '@headgate/adapters/machine/data-folder-lock';
import { copyCluster } from '@headgate/adapters/postgres-cluster/index';
import { UsageError } from '../config.ts';
import { clusterIn } from '../database/embedded.ts';
import type { Folder } from '../installation/folder.ts';
import { type BackupManifest, sealBackup } from './backup-manifest.ts';

export interface BackUpOptions {
  readonly folder: Folder;
  readonly to: string;
  /** With the log's key and the tokens of the folder. */
  readonly secrets: boolean;
  /** Ends it before its time; what is there by then has no manifest. */
  readonly signal?: AbortSignal;
}

/** Takes a backup into a new folder (0700) and answers its manifest and that one's SHA-256. */
export async function backUp(options: BackUpOptions): Promise<{ manifest: BackupManifest; sum: string; to: string }> {
  const { folder, secrets } = options;
  const to = resolve(options.to);
  if ((await stat(to).catch(() => undefined)) !== undefined)
    throw new UsageError(`${to} is there already: name a new folder`);
  const cluster = await clusterIn(folder);
  if (!(await cluster.initialised()))
    throw new UsageError(
      `${folder.root} holds no embedded database. An external PostgreSQL is backed up with its own tools: docs/operations/backup-and-restore.md`,
    );
  // A running server holds the folder and keeps its database; else it is ours for as long as we copy.
  const lock = await dataFolderLock(folder.root).catch((error: unknown) => {
    if (error instanceof DataFolderInUse) return undefined;
    throw error;
  });
  const ran = (await cluster.postmaster())?.ready === true;
  try {
    if (!ran) await cluster.start();
    await mkdir(to, { recursive: true, mode: 0o700 });
    await chmod(to, 0o700);
    const signal = AbortSignal.any([AbortSignal.timeout(3_600_000), ...(options.signal ? [options.signal] : [])]);
    const copied = await copyCluster(cluster, to, factsOf, signal);
    const folderFiles = await copyFolder(folder, join(to, 'folder'), secrets);
    if (secrets) await copyFile(cluster.passwordFile, join(to, 'password'));
    const password = secrets
      ? { password: { path: 'password' as const, ...(await written(join(to, 'password'))) } }
      : {};
    const { at, folders, files } = copied;
    const { epoch, size, note, schemaVersion, installation } = at;
    const manifest: BackupManifest = {
      v: 2,
      kind: 'headgate-backup',
      takenAt: new Date().toISOString(),
      installation,
      epoch,
      log: { size, note },
      schemaVersion,
      postgres: await cluster.major(),
      folderFiles,
      ...password,
      secrets,
      folders: [...folders],
      files: [...files],
    };
    return { manifest, sum: await sealBackup(to, manifest), to };
  } finally {
    if (!ran && lock !== undefined) await cluster.stop();
    await lock?.release();
  }
}

interface Facts {
  readonly epoch: number;
  readonly size: number;
  readonly note: string;
  readonly schemaVersion: number;
  readonly installation: string;
}

/** The backup's session is one of the cluster's own database; Headgate's is beside it, and is asked in a session of its own. */
async function factsOf(client: import('pg').Client): Promise<Facts> {
  const { withClient } = await import('@headgate/adapters/postgres-cluster/index');
  const { host, port, user, password } = client;
  return withClient(
    { host, port, ...(user && { user }), ...(password && { password }), database: 'headgate' },
    async (own) => {
      const { rows } = await own.query<Facts & { state: { id: string } }>(
        `select m.epoch, coalesce(h.size, 0)::integer as size, coalesce(h.note, '') as note,
              (select count(*)::integer from headgate.migration) as "schemaVersion",
              (select state->>'id' from headgate.stream where stream = 'installation/this') as installation
       from headgate.meta m left join lateral (select size, note from headgate.log_head order by size desc limit 1) h on true`,
      );
      return rows[0]!;
    },
  );
}

/** What of the server's folder goes with it: what it can't be made anew from. */
async function copyFolder(folder: Folder, to: string, secrets: boolean): Promise<BackupManifest['folderFiles']> {
  const names = ['trust.yaml', 'log.pub', ...(secrets ? ['secrets', 'notify-keys', 'ci'] : [])];
  const copied: BackupManifest['folderFiles'] = [];
  for (const name of names) {
    for (const path of await filesBelow(join(folder.root, name))) {
      const target = join(to, relative(folder.root, path));
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await copyFile(path, target);
      await chmod(target, 0o600);
      copied.push({ path: relative(folder.root, path), ...(await written(target)) });
    }
  }
  return copied;
}

/** What a file of the copy holds. */
async function written(path: string): Promise<{ size: number; sha256: string }> {
  const read = await readBack(path);
  if (read === undefined) throw new Error(`${path} is gone while it was copied`);
  return read;
}

async function filesBelow(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return [];
  if (info.isFile()) return [path];
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
