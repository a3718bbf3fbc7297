/** A store brought back to a moment from pgBackRest's repository alone, beside the one that serves. */
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { WalIdentity } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import { type Answer, denied, granted, type RecoveryTarget } from '@headgate/execution';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import { type Courses, courseAt, isOnLine, readCourses } from '../pgbackrest/courses.ts';
import { type Bounds, PgBackRest } from '../pgbackrest/pgbackrest.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { ANNOTATIONS } from '../pgbackrest/point-manifest.ts';
import { type Backup, databasesIn, repositoryInfo } from '../pgbackrest/repository-info.ts';
import { restoreBackupAside } from '../pgbackrest/restore-aside.ts';
import { failedAs } from '../pgbackrest/take-backup.ts';
import { beforeRollout } from '../restore-points/mark.ts';
import { inOwnFolder } from './own-folder.ts';
import {
  ENDED_BEFORE,
  lastCommit,
  type Moment,
  notInLog,
  type RecoverAsk,
  type Recovered,
  ROOM,
} from './recover-aside.ts';

export interface RecoverBackupAsk extends Pick<RecoverAsk, 'moment' | 'id' | 'to' | 'deadlineMs' | 'signal' | 'say'> {
  readonly store: Pick<PgBackRestStore, 'cluster' | 'pgbackrest'>;
  /** As its backups are annotated. */
  readonly of: WalIdentity;
  /** A rollout's mark comes after then, where that is known: so a newer backup will do. */
  readonly markedAfter?: Instant | undefined;
  /** One database of the cluster alone, and what it needs; absent: all of them. */
  readonly only?: OneDatabase | undefined;
  /** Up to when the log is known to lie in the repository; absent: nobody knows. */
  readonly reachedAt?: Instant | undefined;
}

/** Which databases of a backup come back, by their names there. */
export interface OneDatabase {
  readonly database: string;
  /** Names under which its files may stand in a backup that is older than its present name, and what else is needed. */
  readonly with: readonly string[];
  /** Of what is left out, in bytes, as far as it is known. */
  readonly leftOut: number;
}

export async function recoverBackup(ask: RecoverBackupAsk): Promise<Answer<Recovered>> {
  return inOwnFolder(ask, () => recoverInto(ask));
}

/** As {@link recoverBackup}, in a folder that the caller looks after. */
export async function recoverInto(ask: RecoverBackupAsk): Promise<Answer<Recovered>> {
  const configuration = join(ask.to, 'pgbackrest');
  try {
    return await fromRepository(ask, configuration);
  } finally {
    // It holds the repository's secrets, and recovery is over.
    await rm(configuration, { recursive: true, force: true });
  }
}

async function fromRepository(ask: RecoverBackupAsk, configuration: string): Promise<Answer<Recovered>> {
  const { store, to, deadlineMs, signal, say } = ask;
  const bounds = { deadlineMs, signal };
  const { port } = store.cluster.config;
  const { user } = store.cluster.programs;
  const dir = join(to, 'cluster');
  const own = await PgBackRest.open({
    ...{ config: store.pgbackrest, dir: configuration, data: join(dir, 'data'), port, user },
  });
  const looked = await repositoryInfo(own, bounds);
  if (!looked.ok) return failedAs(looked);
  const courses = await readCourses(own, bounds);
  if (!courses.ok) return courses;
  const base = await chooseBackup(looked.info.backups, ask, own.name, courses.value);
  if (!base.ok) return base;
  const { backup, timeline } = base.value;
  const { label, info, annotation } = backup;
  const id = annotation?.[ANNOTATIONS.id];
  const { programs, passwordFile } = store.cluster;
  const bring = async (only: readonly string[] | undefined): Promise<Answer<Cluster>> => {
    const { bavail, bsize } = await statfs(to);
    const needed = (only === undefined ? info.size : Math.max(0, info.size - ask.only!.leftOut)) + ROOM;
    if (bavail * bsize < needed)
      return denied('transient', `${to} has room for ${bavail * bsize} bytes, ${needed} are needed`);
    const what = only === undefined ? '' : ` (of its databases ${only.join(', ')} alone)`;
    say(`${id === undefined ? label : `${id} (${label})`} is brought back${what}, with the log from there on …`);
    return aside(
      () => freePort(),
      { ...ask, timeline, point: id ?? label },
      (target, free) =>
        restoreBackupAside({ own, label, target, dir, port: free, programs, passwordFile, lost: 'new', only, bounds }),
    );
  };
  const cluster =
    ask.only === undefined ? await bring(undefined) : await oneDatabase(ask.only, { own, label, bounds, say }, bring);
  if (!cluster.ok) return cluster;
  const lastCommitAt = await lastCommit(cluster.value);
  return granted({ cluster: cluster.value, point: id ?? label, ...(lastCommitAt !== undefined && { lastCommitAt }) });
}

/**
 * Brings one database back. A database that had another name in the backup, under which it was left out, has none of its content: that is
 * told by its number, and all of them come back then.
 */
async function oneDatabase(
  { database, with: more }: OneDatabase,
  {
    own,
    label,
    bounds,
    say,
  }: Pick<RecoverBackupAsk, 'say'> & { readonly own: PgBackRest; readonly label: string; readonly bounds: Bounds },
  bring: (only: readonly string[] | undefined) => Promise<Answer<Cluster>>,
): Promise<Answer<Cluster>> {
  const there = await databasesIn(own, label, bounds);
  if (!there.ok) return failedAs(there);
  const only = there.databases.filter(({ name }) => name === database || more.includes(name));
  const cluster = await bring(only.map(({ name }) => name));
  if (!cluster.ok) return cluster;
  const number = await numberOf(cluster.value, database);
  const leftOut = there.databases.find(({ oid, name }) => oid === number && !only.some((each) => each.name === name));
  if (leftOut === undefined) return cluster;
  say(`The database ${database} was called ${leftOut.name} when that backup was taken: all of it is brought back …`);
  return bring(undefined);
}

async function numberOf(cluster: Cluster, database: string): Promise<number | undefined> {
  return withClient(await cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ oid: string }>(
      'select oid::text as oid from pg_catalog.pg_database where datname = $1',
      [database],
    );
    return rows[0] === undefined ? undefined : Number(rows[0].oid);
  });
}

async function aside(
  port: () => Promise<number>,
  {
    moment,
    reachedAt,
    timeline,
    point,
  }: Pick<RecoverBackupAsk, 'moment' | 'reachedAt'> & {
    readonly timeline: number | undefined;
    readonly point: string;
  },
  bring: (target: RecoveryTarget, port: number) => Promise<Answer<Cluster>>,
): Promise<Answer<Cluster>> {
  try {
    return await bring(targetOf(moment, timeline), await port());
  } catch (error) {
    if (!(error as Error).message.includes(ENDED_BEFORE)) throw error;
    // The log goes beyond that moment, and so nobody committed anything in between.
    if (moment.kind === 'time' && reachedAt !== undefined && moment.at <= reachedAt)
      return bring({ kind: 'latest', ...along(timeline) }, await port());
    if (moment.kind !== 'time') return denied('rejected', notInLog(moment, point));
    return denied(
      'rejected',
      'the log in the repository ends before that moment; whether anything was committed between its end and that moment isn’t known there: ask for an earlier moment, or for none, which is the last one that it has',
    );
  }
}

function along(timeline: number | undefined): { readonly timeline?: number } {
  return timeline === undefined ? {} : { timeline };
}

function targetOf(moment: Moment, timeline: number | undefined): RecoveryTarget {
  switch (moment.kind) {
    case 'latest':
      return { kind: 'latest' };
    case 'transaction':
      return { kind: 'transaction', xid: moment.xid };
    case 'before-rollout':
      return { kind: 'name', name: beforeRollout(moment.rollout), ...along(timeline) };
    case 'time':
      return {
        ...{ kind: 'time', at: new Date(moment.at).toISOString().replace('T', ' ').replace('Z', '+00') },
        ...along(timeline),
      };
  }
}

/**
 * The newest backup before the moment from which the log goes on to it, or the one that is named; also one that somebody else took there.
 * `timeline`: the course that the moment is on, where the store has had more than one.
 */
async function chooseBackup(
  backups: readonly Backup[],
  { of, moment, id, markedAfter }: RecoverBackupAsk,
  where: string,
  courses: Courses,
): Promise<Answer<{ readonly backup: Backup; readonly timeline?: number }>> {
  const whose = `${of.environment}/${of.cell}/${of.store}`;
  const others = backups.find(({ annotation }) => (annotation?.[ANNOTATIONS.store] ?? whose) !== whose);
  if (others !== undefined)
    return denied(
      'rejected',
      `${where} is another store’s, ${others.annotation?.[ANNOTATIONS.store]}, and not ${whose}`,
    );
  const newestFirst = backups.toReversed();
  const oldest = newestFirst.at(-1);
  if (oldest === undefined) return denied('rejected', `no backup lies in ${where}`);
  const onlyOne = courses.newest === 1;
  const chosen = (backup: Backup, timeline: number) => granted({ backup, ...(!onlyOne && { timeline }) });
  // Its own restore points are taken before its migrations, and its mark follows on the same course.
  const own =
    moment.kind === 'before-rollout'
      ? newestFirst.find(({ annotation }) => annotation?.[ANNOTATIONS.rollout] === moment.rollout)
      : undefined;
  if (id === undefined && own !== undefined) return chosen(own, timelineOf(own.archive.stop));
  const timeline = timelineOfMoment(moment, courses, where);
  if (!timeline.ok) return timeline;
  if (id !== undefined) {
    const named = newestFirst.find(({ label, annotation }) => label === id || annotation?.[ANNOTATIONS.id] === id);
    return named === undefined ? denied('rejected', `there is no ${id} in ${where}`) : chosen(named, timeline.value);
  }
  const line = await courses.line(timeline.value);
  if (!line.ok) return line;
  // After the store was brought back in place, newer ones may be of a course that was left.
  const there = newestFirst.filter((backup) => isOnLine(backup, line.value));
  const found =
    moment.kind === 'before-rollout'
      ? (there.find(({ timestamp }) => markedAfter !== undefined && timestamp.stop * 1_000 <= markedAfter) ??
        there.at(-1))
      : there.find(({ timestamp }) => moment.kind !== 'time' || timestamp.stop * 1_000 <= moment.at);
  if (found !== undefined) return chosen(found, timeline.value);
  const first = there.at(-1) ?? oldest;
  return denied(
    'rejected',
    there.length === 0
      ? `the log goes on from none of the backups in ${where} along the store’s course (timeline ${timeline.value}); take a restore point`
      : `the oldest backup in ${where} is of ${new Date(first.timestamp.stop * 1_000).toISOString()}: nothing before it can be brought back`,
  );
}

/** The course that was the store's own then; without a time it is the present one. */
function timelineOfMoment(moment: Moment, courses: Courses, where: string): Answer<number> {
  if (moment.kind !== 'time') return granted(courses.newest);
  const course = courseAt(moment.at, courses);
  if ('timeline' in course) return granted(course.timeline);
  const { after, until } = course;
  const told = (at: Instant): string => new Date(at).toISOString();
  return denied(
    'rejected',
    `the store was brought back in place about then, and ${where} doesn’t say what was in force at ${told(moment.at)}: ask for a moment until ${told(after)}, which is on the course that was left, or for one from ${until === undefined ? 'when its log has come there next' : told(until)} on`,
  );
}
