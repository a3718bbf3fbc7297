/**
 * The backup that a store with pgBackRest would come back from, looked at as far as that costs little: by its repository and the
 * passphrase, and by what is kept of its promises where those are on this machine.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest, RebuildPoint } from '@headgate/domain';
import { ObjectStoreTrouble } from '@headgate/execution';
import { archivedSegments, lastSegment } from '../pgbackrest/archived-log.ts';
import { isOnLine, type Line, readCourses } from '../pgbackrest/courses.ts';
import { logGoesOn, missingOnTheWay, readLogReach } from '../pgbackrest/log-reach.ts';
import { type Bounds, PgBackRest } from '../pgbackrest/pgbackrest.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { ANNOTATIONS } from '../pgbackrest/point-manifest.ts';
import type { Backup } from '../pgbackrest/repository-info.ts';
import { listRepository, type RepositoryList } from '../pgbackrest/repository-list.ts';
import type { PointFound } from './point-to-rebuild.ts';

/** PostgreSQL's major version that cells are kept with. */
const MAJOR = 15;

export interface BackupAsk {
  /** As it stood where it is lost. */
  readonly store: PgBackRestStore;
  /** `environment/cell/store`. */
  readonly of: string;
  readonly bounds: Bounds;
}

/** The newest, or what stands against it. Throws where the repository doesn't answer: that is no fact about what lies in it. */
export async function backupToRebuild(ask: BackupAsk): Promise<PointFound & { readonly unblock?: string }> {
  const { store } = ask;
  const dir = await mkdtemp(join(tmpdir(), 'headgate-repository-'));
  try {
    await chmod(dir, 0o755); // as root pgBackRest runs as another user
    const { config, programs } = store.cluster;
    const own = await PgBackRest.open({
      ...{ config: store.pgbackrest, dir: join(dir, 'own'), data: join(dir, 'data'), port: config.port },
      user: programs.user,
    });
    return await found(ask, own);
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException;
    if (error instanceof ObjectStoreTrouble || ask.bounds.signal.aborted) throw error;
    if (code === 'ENOENT')
      return {
        why: `${path ?? store.pgbackrest.passphraseFile} isn’t there: without it nothing in the repository can be read`,
        unblock: 'bring the file to this machine, mode 0600, from where secrets are kept',
      };
    return { why: message };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function found({ store, of, bounds }: BackupAsk, own: PgBackRest): Promise<PointFound> {
  const list = await listRepository(store, own, bounds);
  if (!list.ok) {
    if (list.later) throw new ObjectStoreTrouble('away', list.why);
    return { why: list.why };
  }
  const there = await archivedSegments(own, bounds);
  if (!there.ok) return { why: there.why };
  const last = lastSegment(there.segments);
  const courses = await readCourses(own, bounds);
  const line = courses.ok ? await courses.value.line(courses.value.newest) : courses;
  if (!line.ok) {
    if (line.code === 'transient') throw new ObjectStoreTrouble('away', line.why);
    return { why: line.why };
  }
  const chosen = newest(list, line.value, of, own.name);
  if ('why' in chosen) return chosen;
  const { backup } = chosen;
  if (list.major !== MAJOR)
    return { why: `${backup.label} is of PostgreSQL ${list.major}, and cells are kept with ${MAJOR}` };
  if (last === undefined) return { why: `nothing of its log is in ${own.name}` };
  const gap = missingOnTheWay(there.segments, backup.archive.start, last);
  if (gap !== undefined) return { why: `the WAL segment ${gap} isn't in ${own.name}: what follows is of no use` };
  const digest = await own.digestOf(`backup/${own.config.stanza}/${backup.label}/backup.manifest`, bounds);
  if (!digest.ok) return { why: `the manifest of ${backup.label}: ${digest.why}` };
  const promise = list.kept.find((each) => each.backup.label === backup.label);
  if (promise !== undefined && promise.manifest.pgbackrest.manifest !== digest.output)
    return { why: `the manifest of ${backup.label} isn’t what it was when it was taken` };
  const reach = await readLogReach(store.cluster.dir, store.pgbackrest);
  const goesOn = promise !== undefined && reach !== undefined && logGoesOn(reach, promise.manifest.pgbackrest);
  return { point: pointOf(backup, promise, digest.output, last, goesOn ? reach.at : undefined) };
}

/** The newest backup that Headgate took for this store, and that its log goes on from: others are of a course that was left. */
function newest(
  list: RepositoryList,
  line: Line,
  of: string,
  where: string,
): { readonly backup: Backup } | { readonly why: string } {
  const { backups } = list;
  const others = backups.find(({ annotation }) => (annotation?.[ANNOTATIONS.store] ?? of) !== of);
  if (others !== undefined) return { why: `${where} is another store’s, ${others.annotation?.[ANNOTATIONS.store]}` };
  const ours = backups.filter(({ annotation }) => annotation?.[ANNOTATIONS.id] !== undefined);
  if (ours.length === 0) return { why: `no restore point of it lies in ${where}` };
  const backup = ours.findLast((each) => isOnLine(each, line));
  if (backup === undefined)
    return {
      why: `the log of the store’s present course (timeline ${line.timeline}) goes on from none of the restore points in ${where}`,
    };
  if (backup.error === true) return { why: `PostgreSQL’s own checksums of pages are wrong in ${backup.label}` };
  return { backup };
}

function pointOf(
  { annotation, timestamp, info }: Backup,
  promise: RepositoryList['kept'][number] | undefined,
  digest: string,
  lastWal: string,
  reachedAt: number | undefined,
): RebuildPoint {
  return {
    id: annotation![ANNOTATIONS.id]!,
    takenAt: promise?.manifest.takenAt ?? timestamp.stop * 1_000,
    manifest: promise?.point.manifest ?? (`sha256:${digest}` as Digest),
    schemaVersion: promise?.manifest.schemaVersion ?? Number(annotation?.[ANNOTATIONS.schemaVersion] ?? 0),
    ...{ major: MAJOR, bytes: info.size, promisesRows: promise?.manifest.census !== undefined, lastWal },
    ...(reachedAt !== undefined && { reachedAt }),
  };
}
