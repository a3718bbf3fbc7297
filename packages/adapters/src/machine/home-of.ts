import { chmod, lstat, readdir, readlink, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { homeOwner, POINTER } from './home-record.ts';
import { HOMES } from './reachable.ts';

/** Homes that are being removed; what a killed removal leaves of them is nobody's, and goes with the next sweep. */
export const GOING = '.gone-';

/** A home that a data folder points at. */
export interface Home {
  readonly path: string;
  /** Whether it is this data folder's: a copy of a data folder points at the home of the one that it was copied from. */
  readonly own: boolean;
  /** The data folder that it says it belongs to. */
  readonly of: string | undefined;
}

/** What lies outside of a data folder and belongs to it; undefined: nothing does, as for everybody but root. */
export async function homeOf(dataDir: string, homes = HOMES): Promise<Home | undefined> {
  const path = await readlink(join(dataDir, POINTER)).catch(() => undefined);
  if (path === undefined || dirname(path) !== homes) return undefined;
  if ((await lstat(path).catch(() => undefined)) === undefined) return undefined;
  const of = (await homeOwner(path))?.dataDir;
  const real = await realpath(dataDir);
  // One that was made before homes said whose they are may be anybody's.
  if (of === undefined || of === real) return { path, own: of === real, of };
  // Moved here, unless the folder that it was made for is still there and points at it.
  const elsewhere = await readlink(join(of, POINTER)).catch(() => undefined);
  return { path, own: elsewhere !== path, of };
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
