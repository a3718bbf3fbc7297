import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath, stat, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { RunAs } from './run-as.ts';

/** Where programs and clusters stand when we are root: a home folder is often closed to the user that they run as. */
export const SYSTEM_FOLDER = '/var/lib/headgate';

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
 * its own below the system folder, root's and traversable, to which the link `system` in the data folder points.
 */
export async function homeFor(dataDir: string, user: RunAs | undefined): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  if (!user) return resolve(dataDir);
  const name = createHash('sha256')
    .update(await realpath(dataDir))
    .digest('hex')
    .slice(0, 12);
  const home = join(SYSTEM_FOLDER, 'homes', name);
  await makeRootFolder(home);
  const link = join(dataDir, 'system');
  if (!(await lstat(link).catch(() => undefined))) await symlink(home, link);
  return home;
}

/** Creates a folder, and what is missing above it, that everyone may pass and only we may write, whatever the umask. */
export async function makeRootFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (!first) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}
