import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DataFolderInUse,
  type DataFolderLock,
  dataFolderLock,
  mountPointsAt,
  processesAt,
  removeHome,
} from '@headgate/adapters/machine/index';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { type DataPlace, dataPlace } from './data-place.ts';
import { dataFoldersBelow, isDataFolder, strangersIn } from './strangers.ts';

const refuse = (code: string, why: string, unblock: string) => new Failure(EXIT.refused, code, why, unblock);

/**
 * Takes a data folder, so that no server starts in it between the look and the removal. Let it go when nothing was removed;
 * a removal takes the lock along, and another folder may stand in its place at once.
 */
export async function takeToRemove(folder: string): Promise<DataFolderLock> {
  if (!existsSync(folder)) throw notThere(`there is no folder ${folder}`);
  // Before the lock, which would make its file in any folder.
  if (!isDataFolder(folder))
    throw refuse(
      'no-data-folder',
      `${folder} is no data folder of a Headgate server`,
      'name the folder that it was started with (--data)',
    );
  try {
    return await dataFolderLock(folder);
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error;
    throw refuse('in-use', `the server (process ${error.pid}) works in ${folder}`, 'stop it, and its agents, first');
  }
}

/** Says why the data of a folder that was taken can't be removed now; answers with what would go. Changes nothing. */
export async function removable(folder: string): Promise<DataPlace> {
  const place = await dataPlace(folder);
  const { path } = place.folder;
  const goes = [path, ...(place.home?.own ? [place.home.path] : [])];
  const strangers = await strangersIn(path);
  if (strangers.length > 0)
    throw refuse(
      'not-ours',
      `${path} also holds what Headgate didn't put there: ${few(strangers)}`,
      'move that away, and try again',
    );
  const mounts = (await Promise.all(goes.map(mountPointsAt))).flat();
  if (mounts.length > 0)
    throw refuse('mounted', `other file systems are mounted there: ${few(mounts)}`, 'unmount them, and try again');
  const nested = await dataFoldersBelow(path);
  if (nested.length > 0)
    throw refuse(
      'nested',
      `other data folders are in ${path}: ${few(nested)}`,
      'remove each by itself first, or move it away',
    );
  for (const each of goes) {
    const pids = await processesAt(each);
    if (pids.length > 0)
      throw refuse(
        'in-use',
        `processes work in ${each}: ${few(pids)}`,
        'end the agent and what it runs first: headgate-agent stop --config FILE --and-agent (after npm start: start it once more, and end it with Ctrl-C)',
      );
  }
  return place;
}

/**
 * Removes the data of a folder that was taken and is {@link removable}: what lies outside first, since only the folder leads
 * to it, and the lock last.
 */
export async function removeData({ folder, home }: DataPlace): Promise<void> {
  if (home?.own) await removeHome(home.path);
  for (const name of await readdir(folder.path))
    if (!name.startsWith('server.lock.')) await rm(join(folder.path, name), { recursive: true, force: true });
  await rm(folder.path, { recursive: true, force: true });
}

/** The first five, and how many more there are. */
function few(names: readonly (string | number)[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}
