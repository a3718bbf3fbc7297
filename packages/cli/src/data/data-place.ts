/**
 * Where an installation's data lies on this machine: the data folder, and with root a second place, because clusters and cells
 * run as another user, whom root's own folders are closed to. Who deletes the one doesn't see the other.
 */
import { existsSync, realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
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
  readonly home?: Place & Pick<Home, 'own' | 'of'>;
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

/** What a server, an agent, setup and the demonstrations leave in a data folder. */
const OURS: readonly (string | RegExp)[] = [
  'secrets',
  'system',
  'ci',
  'cells',
  'control-database',
  'database.port',
  'demo',
  'demo-processes.json',
  'load',
  'log.pub',
  'newest-head.json',
  'odoo',
  'psa',
  'story-begun.json',
  'story-told.json',
  'trust.yaml',
  /^agent(-[a-z0-9-]+)?$/,
  /^(agent|server)\.log$/,
  /^format\.json/,
  /^run-\d+$/,
  /^server\.(json|lock\..+)$/,
  /^\.server\.lock-/,
  /\.format-\d+$/,
];

/** Whether a folder is one that a server was started on. */
export function isDataFolder(folder: string): boolean {
  return (
    existsSync(join(folder, 'secrets')) &&
    (existsSync(join(folder, 'format.json')) || existsSync(join(folder, 'log.pub')))
  );
}

/** What lies in a data folder and isn't Headgate's, as far as names tell. */
export async function strangersIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.filter((name) => !OURS.some((own) => (typeof own === 'string' ? own === name : own.test(name))));
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
  return home.own
    ? `${own}, and ${outside}`
    : `${own}; ${home.path}, which it points at, belongs to ${home.of ?? 'nobody knows which folder'}`;
}
