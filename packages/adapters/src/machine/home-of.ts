import { chmod, lstat, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type HomeOwner, homeOwner, POINTER, pointerIdentity } from './home-record.ts';
import { HOMES } from './reachable.ts';

/** Homes that are being removed; what a killed removal leaves of them is nobody's, and goes with the next sweep. */
export const GOING = '.gone-';

/** A home that a data folder points at. */
export interface Home {
  readonly path: string;
  /** Whether it certainly is this data folder's: a copy of a data folder points at the home of the one that it was copied from. */
  readonly own: boolean;
  /** The data folder that it says it belongs to. */
  readonly of: string | undefined;
  /** Where it isn't certainly this data folder's: why not, and what would settle it. */
  readonly doubt?: { readonly why: string; readonly unblock: string };
}

/** What lies outside of a data folder and belongs to it; undefined: nothing does, as for everybody but root. */
export async function homeOf(dataDir: string, homes = HOMES): Promise<Home | undefined> {
  const pointer = join(dataDir, POINTER);
  const path = await readlink(pointer).catch(() => undefined);
  if (path === undefined || dirname(path) !== homes) return undefined;
  if ((await lstat(path).catch(() => undefined)) === undefined) return undefined;
  const owner = await homeOwner(path);
  const of = owner?.dataDir;
  const doubt = await doubtOf(dataDir, pointer, owner);
  return { path, of, own: doubt === undefined, ...(doubt !== undefined && { doubt }) };
}

/**
 * Why a home may be another folder's. Its own second name of the pointer decides: a folder that was moved has that very
 * pointer still, and a copy has another one, wherever the original went, seen or not.
 */
async function doubtOf(dataDir: string, pointer: string, owner: HomeOwner | undefined): Promise<Home['doubt']> {
  if (owner === undefined)
    return {
      why: 'it does not say whose it is',
      unblock: 'start the server in the data folder that it belongs to once: that notes it',
    };
  const mine = await pointerIdentity(pointer);
  if (owner.pointer === mine.identity)
    return mine.names <= 2
      ? undefined
      : {
          why: 'the link that names it has another name elsewhere: a copy of this folder was made of hard links',
          unblock: 'remove that copy first',
        };
  if (owner.pointerNames !== undefined && owner.pointerNames > 1)
    return {
      why: `the folder that it was made for, last seen at ${owner.dataDir}, is still somewhere: this one is a copy of it`,
      unblock: 'remove the data of that one to be rid of it',
    };
  const real = await realpath(dataDir);
  const { dev } = await stat(real, { bigint: true });
  // Put back at its place from a backup, or on a file system on which the pointer can have no second name.
  if (owner.dataDir === real && (owner.pointerNames !== undefined || owner.device === String(dev))) return undefined;
  return {
    why: `it was made for ${owner.dataDir}; whether that one was moved here, copied here or is only out of sight can't be told`,
    unblock: 'if it was moved here, start the server here once, and stop it: that notes it as this folder’s',
  };
}

/** Removes a home, or what is left of one; nobody finds half of it under its name. */
export async function removeHome(path: string): Promise<void> {
  const going = basename(path).startsWith(GOING) ? path : join(dirname(path), GOING + basename(path));
  if (going !== path) await rename(path, going);
  // What is in it belonged to an unprivileged user: from here on that one can't put other things in their place.
  await chmod(going, 0o700);
  await rm(going, { recursive: true, force: true });
}

/** So many files are looked at for a size; what is larger is told as "more than". */
const MOST_FILES = 200_000;

/** What a folder takes on the disk, itself and all below it; links aren't followed. `whole`: everything was looked at. */
export async function folderSize(path: string): Promise<{ readonly bytes: number; readonly whole: boolean }> {
  let bytes = 0;
  let files = 0;
  let whole = true;
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
    if (entries === undefined) whole = false;
    for (const entry of entries ?? []) {
      if (++files > MOST_FILES) return { bytes, whole: false };
      const file = join(folder, entry.name);
      // A file that goes meanwhile takes nothing.
      const facts = await lstat(file).catch(() => undefined);
      bytes += (facts?.blocks ?? 0) * 512;
      if (entry.isDirectory()) folders.push(file);
    }
  }
  return { bytes, whole };
}
