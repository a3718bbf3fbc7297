import { type Answer, denied, granted } from '@headgate/execution';
import { type KeptPoint, KeptPoints } from '../kept-points/kept-points.ts';
import { archivedSegments, missingSegment } from './archived-log.ts';
import { type Bounds, PgBackRest, type PgBackRestPlace } from './pgbackrest.ts';
import type { PgBackRestStore } from './pgbackrest-store.ts';
import { PointManifest } from './point-manifest.ts';
import { type Backup, repositoryInfo } from './repository-info.ts';
import { failedAs } from './take-backup.ts';

/** What is kept beside a store of its restore points in the repository. */
export function keptOf({ restorePointsDir }: Pick<PgBackRestStore, 'restorePointsDir'>): KeptPoints<PointManifest> {
  return new KeptPoints(restorePointsDir, PointManifest);
}

export interface OpenedPoint extends KeptPoint<PointManifest> {
  readonly own: PgBackRest;
  /** PostgreSQL's major version. */
  readonly major: number;
}

/**
 * A restore point by its id, without one the newest, for a pgBackRest of its own: known to be the one that was taken. One that isn't right
 * and newer isn't passed over.
 */
export async function openPoint(
  store: PgBackRestStore,
  id: string | undefined,
  place: Pick<PgBackRestPlace, 'dir' | 'data' | 'runsDir'>,
  bounds: Bounds,
): Promise<Answer<OpenedPoint>> {
  const { kept, unreadable } = await keptOf(store).list();
  const found = id === undefined ? kept[0] : kept.find(({ manifest }) => manifest.id === id);
  const wrong = unreadable.find((each) => (id === undefined ? each.id > (found?.manifest.id ?? '') : each.id === id));
  if (wrong !== undefined) return denied('check-failed', `${wrong.id} isn't right: ${wrong.why}`);
  if (found === undefined)
    return denied(
      'rejected',
      `${id === undefined ? 'no restore point' : `no restore point ${id}`} of the store ${store.name} is in ${store.restorePointsDir}`,
    );
  const own = await PgBackRest.open({
    ...{ ...place, config: store.pgbackrest, port: store.cluster.config.port, user: store.cluster.programs.user },
  });
  const same = await sameBackup(own, found.manifest, bounds);
  if (!same.ok) return same;
  return granted({ ...found, own, major: same.value.major });
}

/** Whether the backup is the one that was taken, and the log up to its moment is there: what is quickly looked at. */
export async function sameBackup(
  own: PgBackRest,
  { id, pgbackrest }: PointManifest,
  bounds: Bounds,
): Promise<Answer<{ readonly backup: Backup; readonly major: number }>> {
  const { label, manifest, firstWal, lastWal } = pgbackrest;
  const looked = await repositoryInfo(own, bounds);
  if (!looked.ok) return looked.later ? failedAs(looked) : denied('check-failed', looked.why);
  const bad = (what: string): Answer<never> => denied('check-failed', `${what} (restore point ${id} in ${own.name})`);
  const backup = looked.info.backups.find((each) => each.label === label);
  if (backup === undefined) return bad(`its backup ${label} isn’t there any more`);
  if (backup.error === true) return bad(`PostgreSQL's own checksums of pages are wrong in the backup ${label}`);
  const digest = await own.digestOf(`backup/${own.config.stanza}/${label}/backup.manifest`, bounds);
  if (!digest.ok) return digest.later ? failedAs(digest) : bad(`the manifest of ${label}: ${digest.why}`);
  if (digest.output !== manifest) return bad(`the manifest of ${label} isn’t what it was when it was taken`);
  const log = await archivedSegments(own, bounds);
  if (!log.ok) return failedAs(log);
  const missing = missingSegment(log.segments, firstWal, lastWal);
  const major = looked.info.major ?? 0;
  return missing === undefined ? granted({ backup, major }) : bad(`the log’s segment ${missing} is missing`);
}
