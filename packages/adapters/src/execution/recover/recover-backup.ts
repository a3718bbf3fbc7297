/** A store brought back to a moment from pgBackRest's repository alone, beside the one that serves. */
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { WalIdentity } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import { type Answer, denied, granted, type RecoveryTarget } from '@headgate/execution';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import { type Courses, courseAt, isOnLine, readCourses } from '../pgbackrest/courses.ts';
import { PgBackRest } from '../pgbackrest/pgbackrest.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { ANNOTATIONS } from '../pgbackrest/point-manifest.ts';
import { type Backup, repositoryInfo } from '../pgbackrest/repository-info.ts';
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
  readonly store: PgBackRestStore;
  readonly of: WalIdentity;
  /** Up to when the log is known to lie in the repository; absent: nobody knows. */
  readonly reachedAt?: Instant | undefined;
}

export async function recoverBackup(ask: RecoverBackupAsk): Promise<Answer<Recovered>> {
  const configuration = join(ask.to, 'pgbackrest');
  return inOwnFolder(ask, async () => {
    try {
      return await fromRepository(ask, configuration);
    } finally {
      // It holds the repository's secrets, and recovery is over.
      await rm(configuration, { recursive: true, force: true });
    }
  });
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
  const { bavail, bsize } = await statfs(to);
  if (bavail * bsize < info.size + ROOM)
    return denied('transient', `${to} has room for ${bavail * bsize} bytes, ${info.size + ROOM} are needed`);
  const id = annotation?.[ANNOTATIONS.id];
  say(`${id === undefined ? label : `${id} (${label})`} is brought back, with the log from there on …`);
  const { programs, passwordFile } = store.cluster;
  const cluster = await aside(
    () => freePort(),
    { ...ask, timeline, point: id ?? label },
    (target, free) =>
      restoreBackupAside({ own, label, target, dir, port: free, programs, passwordFile, lost: 'new', bounds }),
  );
  if (!cluster.ok) return cluster;
  const lastCommitAt = await lastCommit(cluster.value);
  return granted({ cluster: cluster.value, point: id ?? label, ...(lastCommitAt !== undefined && { lastCommitAt }) });
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
  { of, moment, id }: RecoverBackupAsk,
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
      ? there.at(-1)
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
