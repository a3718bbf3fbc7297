import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readlink, stat, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { homeOwner, POINTER, pointerIdentity, recordHome } from './home-record.ts';
import { makeFolder } from './make-folder.ts';
import type { RunAs } from './run-as.ts';

/** Where programs and clusters stand when we are root: a home folder is often closed to the user that they run as. */
export const SYSTEM_FOLDER = '/var/lib/headgate';
/** Where the homes of data folders stand when we are root. */
export const HOMES = join(SYSTEM_FOLDER, 'homes');

/**
 * The first folder on the way to `path` that `user` can't pass, or `undefined` when all can be passed. Looks at the
 * permission bits; folders that don't exist yet are skipped.
 */
export async function closedFolder(path: string, user: RunAs): Promise<string | undefined> {
  const folders: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of folders) {
    let info: Awaited<ReturnType<typeof stat>>;
    try {
      info = await stat(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    const bit = info.uid === user.uid ? 0o100 : info.gid === user.gid ? 0o010 : 0o001;
    if ((info.mode & bit) === 0) return folder;
  }
  return undefined;
}

/**
 * Folder for clusters and cells that belong to a data folder. As an ordinary user: the data folder. As root: a folder of
 * its own below the system folder, root's and traversable, to which the link `system` in the data folder points. The link
 * is what names it: a data folder that was deleted and made anew gets a new one, never what the old one left behind;
 * `sweepHomes` removes that. Throws for a copy of a data folder that is still somewhere: the home stays the original's, of
 * which a server may run on the database in it.
 */
export async function homeFor(dataDir: string, user: RunAs | undefined, homes = HOMES): Promise<string> {
  await makeFolder(dataDir, 0o755);
  if (!user) return resolve(dataDir);
  const link = join(dataDir, POINTER);
  if (!(await lstat(link).catch(() => undefined))) {
    try {
      await symlink(join(homes, randomBytes(6).toString('hex')), link);
    } catch (error) {
      // Another process of the same data folder was faster; its choice is ours.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  const home = await readlink(link);
  if (dirname(home) !== homes) throw new Error(`${link} points to ${home}, which is not a folder of ${homes}`);
  const owner = await homeOwner(home);
  const copied = owner?.pointer !== undefined && owner.pointer !== (await pointerIdentity(link)).identity;
  if (copied && (owner.pointerNames ?? 0) > 1)
    throw new Error(
      `${resolve(dataDir)} is a copy of a data folder that is still somewhere, last seen at ${owner.dataDir}, and ${home}, which both point at, is that one's. Use the original; or remove it first, if this one is to take its place; or start in a folder of its own`,
    );
  await makeRootFolder(home);
  await recordHome(home, dataDir);
  return home;
}

/** Creates a folder, and what is missing above it, that everyone may pass and only we may write, whatever the umask. */
export async function makeRootFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (!first) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}
