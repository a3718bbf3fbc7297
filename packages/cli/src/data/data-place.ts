/**
 * Where an installation's data lies on this machine: the data folder, and with root a second place, because clusters and cells
 * run as another user, whom root's own folders are closed to. Who deletes the one doesn't see the other.
 */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { folderSize, type Home, homeOf, SYSTEM_FOLDER } from '@headgate/adapters/machine/index';

export interface Place {
  readonly path: string;
  /** What it takes on the disk. */
  readonly bytes: number;
  /** False: there is more than was counted. */
  readonly whole: boolean;
}

export interface DataPlace {
  readonly folder: Place;
  /** What lies outside of the folder and goes with it. */
  readonly home?: Place & Pick<Home, 'own' | 'of' | 'doubt'>;
  /** Copies of programs that all data folders of this machine share; they go when the last of them went. */
  readonly programs?: Place;
}

/** Looks where the data of a folder lies, and how much it is. */
export async function dataPlace(folder: string): Promise<DataPlace> {
  const real = realpathSync(folder);
  const home = await homeOf(real);
  const programs = join(SYSTEM_FOLDER, 'programs');
  const shares = home !== undefined && existsSync(programs);
  return {
    folder: { path: real, ...(await folderSize(real)) },
    ...(home !== undefined && { home: { ...home, ...(await folderSize(home.path)) } }),
    ...(shares && { programs: { path: programs, ...(await folderSize(programs)) } }),
  };
}

/** `1.2 GB`. */
export function sizeText({ bytes, whole }: Pick<Place, 'bytes' | 'whole'>): string {
  const text = bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
  return whole ? text : `more than ${text}`;
}

/** Where it all lies, in one line. */
export function placeText({ folder, home }: DataPlace): string {
  const own = `${sizeText(folder)} in ${folder.path}`;
  if (home === undefined) return own;
  const outside = `${sizeText(home)} outside of it, in ${home.path}`;
  return home.own ? `${own}, and ${outside}` : `${own}; ${home.path}, which it points at, ${doubtText(home)}`;
}

/** Why what lies outside stays. */
export function doubtText({ doubt }: NonNullable<DataPlace['home']>): string {
  return doubt === undefined ? 'goes with it' : `stays: ${doubt.why}; ${doubt.unblock}`;
}
