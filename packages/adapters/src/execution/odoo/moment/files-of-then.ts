/** The files that a tenant's rows name at a moment, laid out and each compared with its name: from this machine, else from the vault. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, granted } from '@headgate/execution';
import { KeptPoints } from '../../kept-points/kept-points.ts';
import { ownTree } from '../dump.ts';
import { PointManifest } from '../point-manifest.ts';
import { filestoreDir, type OdooStore, type OdooStores, storeDir } from '../store.ts';
import { judgeFiles } from './judge-files.ts';
import { type NamedFile, namedFiles, type WrongFile } from './named-files.ts';
import { type FileSource, placeFiles } from './place-files.ts';
import { type FilesVault, filesInVault } from './vault-files.ts';

export interface FilesAsk {
  /** Where the tenant serves: its files, and restore points that are kept here. */
  readonly live: OdooStores;
  /** Its database of then. */
  readonly aside: OdooStores;
  readonly store: OdooStore;
  /** The folder of what is brought back. */
  readonly to: string;
  /** A text: why the vault's restore points can't be looked into. */
  readonly vault: FilesVault | string;
  readonly lacking: number | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** A tenant's files of a moment, as they were laid out. */
export interface FilesOfThen {
  readonly dir: string;
  readonly files: number;
  readonly bytes: number;
  /** How many came from where. */
  readonly from: Readonly<Record<string, number>>;
  /** Files that somebody has otherwise than they have to be; they were taken elsewhere, unless they are lacking. */
  readonly otherwise: readonly WrongFile[];
  /** What it goes without, as a person said. */
  readonly lacking: readonly WrongFile[];
}

export async function filesOfThen(ask: FilesAsk): Promise<Answer<FilesOfThen>> {
  const { live, aside, store, to, vault, lacking, signal, say } = ask;
  const named = await namedFiles(aside, store.database);
  const dir = join(to, 'filestore');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const from: Record<string, number> = {};
  const otherwise: WrongFile[] = [];
  let nowhere: readonly NamedFile[] = [...named.files.values()];
  let bytes = 0;
  const take = async (sources: readonly FileSource[]): Promise<void> => {
    const placed = await placeFiles(nowhere, sources, dir, signal);
    for (const [what, count] of placed.from) from[what] = (from[what] ?? 0) + count;
    otherwise.push(...placed.otherwise);
    bytes += placed.bytes;
    nowhere = placed.nowhere;
  };
  say(`The ${named.files.size} files that its rows name then are laid out, and each is compared with its name …`);
  const here = await sourcesHere(live, store);
  await take(here);
  const looked = [LIVE, REPLACED, pointsText(here.length - 2, 'the cell’s own folder')];
  if (nowhere.length > 0 && typeof vault !== 'string') {
    const points = await filesInVault({
      ...{ vault, points: join(to, 'points'), lacking: () => nowhere, take: (source) => take([source]), signal, say },
    });
    looked.push(pointsText(points, vault.objects.name));
  }
  const judged = judgeFiles({
    ...{ store: store.name, files: named.files.size, wrong: named.wrong, nowhere, otherwise, looked, lacking },
    unblock: typeof vault === 'string' ? vault : 'a backup of yours of the filestore: put them into the live one',
  });
  if (!judged.ok) return judged;
  await ownTree(dir, live.odoo.user);
  return granted({ dir, files: named.files.size - nowhere.length, bytes, from, otherwise, lacking: judged.value });
}

const LIVE = 'the live filestore';
const REPLACED = 'what the last way back replaced';

function pointsText(count: number, where: string): string {
  return `${count} ${count === 1 ? 'restore point' : 'restore points'} in ${where}`;
}

/** What is nearest first: what was replaced by the last way back, and restore points that are kept here, newest first. */
async function sourcesHere(live: OdooStores, store: OdooStore): Promise<readonly FileSource[]> {
  const dir = filestoreDir(live, store);
  const kept = new KeptPoints(join(storeDir(live, store), 'restore-points'), PointManifest);
  const points = (await kept.list()).kept.map(({ manifest: { id } }) => ({
    what: `the restore point ${id}`,
    dir: join(kept.folder(id), 'filestore'),
  }));
  return [{ what: LIVE, dir }, { what: REPLACED, dir: `${dir}.before` }, ...points];
}
