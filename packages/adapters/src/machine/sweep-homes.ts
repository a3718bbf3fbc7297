/**
 * With root, the bulk of a data folder's data stands in a home of its own below the system folder (see `homeFor`). Who
 * deletes the data folder doesn't see that, so homes would pile up for ever. At a server's start those are removed that
 * certainly nobody can ask for any more; everything that is in doubt is left, and counted in one line:
 *
 * - a home that doesn't say whose it is;
 * - one whose pointer still has a name somewhere: its data folder was moved, and is told of at its next start;
 * - one whose data folder lay on a file system that isn't mounted now;
 * - one in which a process works, or that one was started with;
 * - one that was of use within the last thirty days: a data folder that was moved to another file system, or put back from a
 *   backup, looks like one that was deleted, until it is started again.
 */
import { readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GOING, removeHome } from './home-of.ts';
import { type HomeOwner, homeOwner, POINTER } from './home-record.ts';
import { processesBelow } from './processes-in.ts';
import { HOMES } from './reachable.ts';

const REST_MS = 30 * 86_400_000;
/** So many are looked at, and so many removed, in one sweep; the next start goes on. */
const LOOKED_AT = 1_000;
const REMOVED = 20;

/** Removes homes whose data folder is gone. `report` gets a line for people about each, and about what was left. Never throws. */
export async function sweepHomes(report: (line: string) => void, homes = HOMES): Promise<void> {
  const names = (await readdir(homes).catch(() => [])).toSorted();
  for (const name of names.filter((each) => each.startsWith(GOING)))
    await removeHome(join(homes, name)).catch(() => {});
  let removed = 0;
  let unknown = 0;
  for (const name of names.filter((each) => /^[0-9a-f]{12}$/.test(each)).slice(0, LOOKED_AT)) {
    const home = join(homes, name);
    try {
      const owner = await homeOwner(home);
      if (!owner) unknown++;
      if (!owner || removed >= REMOVED || !(await orphaned(home, owner))) continue;
      await removeHome(home);
      removed++;
      report(`${home} was removed: the data folder ${owner.dataDir} that it belonged to is gone`);
    } catch (error) {
      report(`${home} was left alone: ${(error as Error).message}`);
    }
  }
  if (unknown > 0)
    report(`${unknown} folders of ${homes} don't say which data folder they belong to, and were left alone`);
}

async function orphaned(home: string, owner: HomeOwner): Promise<boolean> {
  if ((await pointed(join(owner.dataDir, POINTER))) === home) return false;
  if (owner.pointerNames === undefined) {
    if ((await deviceAt(owner.dataDir)) !== owner.device) return false;
  } else if (owner.pointerNames > 1) return false;
  if (Date.now() - owner.lastUse < REST_MS) return false;
  return (await processesBelow(home)).length === 0;
}

async function pointed(pointer: string): Promise<string | undefined> {
  try {
    return await readlink(pointer);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw error; // can't be seen now: that isn't gone
  }
}

/** The file system that a path lies on, or would. */
async function deviceAt(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder, { bigint: true }).catch(() => undefined);
    if (found || folder === dirname(folder)) return String(found?.dev);
  }
}
