import { rm } from 'node:fs/promises';
import { dataFolderHolder, processesAt, removeHome } from '@headgate/adapters/machine/index';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { type DataPlace, dataPlace, isDataFolder, strangersIn } from './data-place.ts';

/** Says why the data of a folder can't be removed now; answers with what would go. Changes nothing. */
export async function removable(folder: string): Promise<DataPlace> {
  const refuse = (code: string, why: string, unblock: string) => new Failure(EXIT.refused, code, why, unblock);
  if (!isDataFolder(folder))
    throw refuse(
      'no-data-folder',
      `${folder} is no data folder of a Headgate server`,
      'name the folder that it was started with (--data)',
    );
  const place = await dataPlace(folder);
  const { path } = place.folder;
  const strangers = await strangersIn(path);
  if (strangers.length > 0)
    throw refuse(
      'not-ours',
      `${path} also holds what Headgate didn't put there: ${strangers.slice(0, 5).join(', ')}${strangers.length > 5 ? ` and ${strangers.length - 5} more` : ''}`,
      'move that away, and try again',
    );
  const holder = await dataFolderHolder(path);
  if (holder !== undefined)
    throw refuse('in-use', `the server (process ${holder.pid}) works in ${path}`, 'stop it, and its agents, first');
  for (const each of [path, ...(place.home?.own ? [place.home.path] : [])]) {
    const pids = await processesAt(each);
    if (pids.length > 0)
      throw refuse(
        'in-use',
        `processes work in ${each}: ${pids.slice(0, 5).join(', ')}${pids.length > 5 ? ` and ${pids.length - 5} more` : ''}`,
        'stop the agent and what it runs first (after npm start: start it once more, and end it with Ctrl-C)',
      );
  }
  return place;
}

/** Removes the data of a folder that is {@link removable}: what lies outside first, since only the folder leads to it. */
export async function removeData({ folder, home }: DataPlace): Promise<void> {
  if (home?.own) await removeHome(home.path);
  await rm(folder.path, { recursive: true, force: true });
}
