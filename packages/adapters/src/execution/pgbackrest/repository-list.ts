/** What lies in a repository of one store: what is kept beside the store of it, and what isn't. */
import type { UnreadableRestorePoint } from '@headgate/execution';
import type { KeptPoint } from '../kept-points/kept-points.ts';
import { keptOf } from './opened-point.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import type { PgBackRestStore } from './pgbackrest-store.ts';
import { ANNOTATIONS, type PointManifest } from './point-manifest.ts';
import { type Backup, repositoryInfo } from './repository-info.ts';

export interface RepositoryPoint extends KeptPoint<PointManifest> {
  readonly backup: Backup;
}

export interface RepositoryList {
  /** Newest first, as all of them. */
  readonly kept: readonly RepositoryPoint[];
  readonly unreadable: readonly UnreadableRestorePoint[];
  /** All backups there, oldest first. */
  readonly backups: readonly Backup[];
  /** Backups that somebody else took there. */
  readonly others: readonly Backup[];
  /** PostgreSQL's major version. */
  readonly major: number | undefined;
}

/** Asks the repository, and compares. Not ok while nobody knows what there is. */
export async function listRepository(
  store: Pick<PgBackRestStore, 'restorePointsDir'>,
  own: PgBackRest,
  bounds: Bounds,
): Promise<
  ({ readonly ok: true } & RepositoryList) | { readonly ok: false; readonly why: string; readonly later: boolean }
> {
  const { kept, unreadable } = await keptOf(store).list();
  const looked = await repositoryInfo(own, bounds);
  if (!looked.ok) return looked;
  const { backups, major } = looked.info;
  const labels = new Map(backups.map((backup) => [backup.label, backup]));
  const there: RepositoryPoint[] = [];
  const gone: UnreadableRestorePoint[] = [];
  for (const each of kept) {
    const { id, rollout, pgbackrest } = each.manifest;
    const backup = labels.get(pgbackrest.label);
    const why = backup === undefined ? 'isn’t in the repository any more' : 'is another one’s in the repository';
    if (backup?.annotation?.[ANNOTATIONS.id] === id) there.push({ ...each, backup });
    else gone.push({ id, rollout, why: `its backup ${pgbackrest.label} ${why}` });
  }
  const known = new Set([...kept.map(({ manifest }) => manifest.id), ...unreadable.map(({ id }) => id)]);
  const unknown = backups.flatMap(({ label, annotation }): UnreadableRestorePoint[] => {
    const id = annotation?.[ANNOTATIONS.id];
    if (id === undefined || known.has(id)) return [];
    const why = `nothing is kept beside the store of what its backup ${label} promised`;
    return [{ id, rollout: annotation?.[ANNOTATIONS.rollout], why }];
  });
  return {
    ...{ ok: true, kept: there, backups, major },
    unreadable: [...unreadable, ...gone, ...unknown].sort((a, b) => (a.id < b.id ? 1 : -1)),
    others: backups.filter(({ annotation }) => annotation?.[ANNOTATIONS.id] === undefined).toReversed(),
  };
}
