/** Between which two places of its store's log a snapshot was taken: what comes back has to end there, or it is another one. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import { z } from 'zod';
import { readBack } from '../../machine/copy-tree.ts';
import type { LeftAt } from '../../postgres-cluster/timelines.ts';
import { reaches } from '../../postgres-cluster/wal-place.ts';
import type { KeptManifest } from '../kept-points/kept-manifest.ts';

/** Beside the manifest and named in it: an agent from before reads both. */
const FILE = 'log.json';

const lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);
const Stored = z.strictObject({
  v: z.literal(1),
  timeline: z.int().min(1),
  /** All that was committed before it was asked for lies before this, and the disk had it. */
  from: lsn,
  /** Nothing was written beyond this when it was there. */
  until: lsn,
});
export type PlaceInLog = Omit<z.output<typeof Stored>, 'v'>;

/** Those from before say where it began, at most. */
export type SnapshotPlaceInLog = PlaceInLog | { readonly from: string } | undefined;

/** Written into the restore point's folder; an entry for its manifest. */
export async function writePlace(dir: string, place: PlaceInLog): Promise<KeptManifest['files'][number]> {
  await writeFile(join(dir, FILE), JSON.stringify({ v: 1, ...place }), { mode: 0o600, flush: true });
  const { size, sha256 } = (await readBack(join(dir, FILE)))!;
  return { path: FILE, size, sha256, mode: 0o600, uid: 0, gid: 0 };
}

export async function readPlace(
  dir: string,
  { id, files, source }: Pick<KeptManifest, 'id' | 'files' | 'source'>,
): Promise<Answer<SnapshotPlaceInLog>> {
  const entry = files.find(({ path }) => path === FILE);
  if (entry === undefined) {
    const from = source?.lsn;
    return granted(from === null || from === undefined ? undefined : { from });
  }
  const read = await readBack(join(dir, FILE));
  if (read?.sha256 !== entry.sha256)
    return denied('check-failed', `${FILE} isn't what was written (restore point ${id})`);
  const { v: _, ...place } = Stored.parse(JSON.parse(await readFile(join(dir, FILE), 'utf8')));
  return granted(place);
}

/** Why what came back isn't the snapshot that was taken then, in words. `end`: where its recovery ended. */
export function whyNotOf(place: SnapshotPlaceInLog, end: LeftAt): string | undefined {
  if (place === undefined) return undefined;
  if ('timeline' in place && place.timeline !== end.parent)
    return `it is another snapshot than the one that was taken then: its log is of timeline ${end.parent}, and the store’s was ${place.timeline}`;
  if (!reaches(end.at, place.from))
    return `it is an older snapshot than the one that was taken then: its log ends at ${end.at}, and the store’s was at ${place.from} before it was asked for; what was written in between isn’t in it`;
  if ('until' in place && !reaches(place.until, end.at))
    return `it is a newer snapshot than the one that was taken then: its log ends at ${end.at}, and the store’s was at ${place.until} when that was there`;
  return undefined;
}
