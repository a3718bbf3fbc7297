/** `headgate-server restore`: lays a backup out in a server's folder. What stood there is moved aside, never deleted. */
import { chmod, copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/index';
import { clusterFromCopy, damagedFile } from '@headgate/adapters/postgres-cluster/index';
import { clusterIn } from '../database/embedded.ts';
import type { Folder } from '../installation/folder.ts';
import { openBackup, type ReadManifest } from './backup-manifest.ts';

export interface Restored {
  readonly manifest: ReadManifest;
  /** Where the database of before is kept; undefined: there was none. */
  readonly aside: string | undefined;
  /** Files of the folder that came from the backup; those that are there already stay. */
  readonly brought: readonly string[];
}

/**
 * Lays it out. The caller holds the folder. Throws before anything is touched when a file isn't what was written, or the
 * manifest isn't the one with the SHA-256 `expected`, hexadecimal.
 */
export async function restoreBackup(folder: Folder, from: string, at: Date, expected?: string): Promise<Restored> {
  const dir = resolve(from);
  const { manifest, sum } = await checkBackup(dir, expected);
  const [own, theirs] = await Promise.all([
    readIfThere(folder.logVerifier),
    readIfThere(join(dir, 'folder', 'log.pub')),
  ]);
  if (own !== undefined && theirs !== undefined && own !== theirs)
    throw new Error(`${folder.root} belongs to another installation than the backup: give an empty folder with --data`);
  const cluster = await clusterIn(folder);
  if (cluster.programs.major !== manifest.postgres)
    throw new Error(`The backup is of PostgreSQL ${manifest.postgres}, and this is ${cluster.programs.major}`);
  await cluster.stop();
  // First of all: whatever becomes of us, no server starts on what is half laid out.
  await writeDurably(
    join(folder.root, 'restored.json'),
    `${JSON.stringify({ backup: sum.slice(0, 16), takenAt: manifest.takenAt })}\n`,
  );
  let aside: string | undefined;
  if (await stat(cluster.data).catch(() => undefined)) {
    aside = `${cluster.data}.before-${at.toISOString().replace(/[:.]/g, '-')}`;
    await rename(cluster.data, aside);
  }
  const brought: string[] = [];
  for (const path of manifest.folderFiles.map((each) => (typeof each === 'string' ? each : each.path))) {
    const target = join(folder.root, path);
    if ((await stat(target).catch(() => undefined)) !== undefined) continue;
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await copyFile(join(dir, 'folder', path), target);
    await chmod(target, 0o600);
    brought.push(path);
  }
  await clusterFromCopy(cluster.config, cluster.programs, dir, manifest);
  // The database knows its own password alone.
  const named = manifest.v === 1 || manifest.password !== undefined;
  const password = named ? await readIfThere(join(dir, 'password')) : undefined;
  if (password !== undefined) await writeDurably(cluster.passwordFile, password, 0o600);
  return { manifest, aside, brought };
}

/** Reads all of a backup back. Throws when a file isn't what was written, or the manifest isn't the one with `expected`. */
export async function checkBackup(
  dir: string,
  expected?: string,
): Promise<{ readonly manifest: ReadManifest; readonly sum: string }> {
  const opened = await openBackup(dir, expected);
  const damaged = await damagedFile(dir, [...opened.manifest.files, ...besideDatabase(opened.manifest)]);
  if (damaged !== undefined) throw new Error(`The backup ${dir} is damaged: ${damaged}. Nothing was changed`);
  return opened;
}

/** The files beside the database's, by their path in the backup; an older manifest holds no sums of them. */
function besideDatabase(manifest: ReadManifest) {
  if (manifest.v === 1) return [];
  const files = manifest.folderFiles.map((each) => ({ ...each, path: join('folder', each.path) }));
  return manifest.password === undefined ? files : [...files, manifest.password];
}
