/** A store brought back to a moment from pgBackRest's repository alone, beside the one that serves. */
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { WalIdentity } from '@headgate/documents';
import { type Answer, denied, granted, type RecoveryTarget } from '@headgate/execution';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { PgBackRest } from '../pgbackrest/pgbackrest.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { ANNOTATIONS } from '../pgbackrest/point-manifest.ts';
import { type Backup, repositoryInfo } from '../pgbackrest/repository-info.ts';
import { restoreBackupAside } from '../pgbackrest/restore-aside.ts';
import { failedAs } from '../pgbackrest/take-backup.ts';
import { beforeRollout } from '../restore-points/mark.ts';
import { inOwnFolder } from './own-folder.ts';
import { ENDED_BEFORE, lastCommit, type Moment, type RecoverAsk, type Recovered, ROOM } from './recover-aside.ts';

export interface RecoverBackupAsk extends Pick<RecoverAsk, 'moment' | 'id' | 'to' | 'deadlineMs' | 'signal' | 'say'> {
  readonly store: PgBackRestStore;
  readonly of: WalIdentity;
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
  const { store, moment, to, deadlineMs, signal, say } = ask;
  const bounds = { deadlineMs, signal };
  const { port } = store.cluster.config;
  const { user } = store.cluster.programs;
  const dir = join(to, 'cluster');
  const own = await PgBackRest.open({
    ...{ config: store.pgbackrest, dir: configuration, data: join(dir, 'data'), port, user },
  });
  const looked = await repositoryInfo(own, bounds);
  if (!looked.ok) return failedAs(looked);
  const base = chooseBackup(looked.info.backups, ask, own.name);
  if (!base.ok) return base;
  const { label, info, annotation } = base.value;
  const { bavail, bsize } = await statfs(to);
  if (bavail * bsize < info.size + ROOM)
    return denied('transient', `${to} has room for ${bavail * bsize} bytes, ${info.size + ROOM} are needed`);
  const id = annotation?.[ANNOTATIONS.id];
  say(`${id === undefined ? label : `${id} (${label})`} is brought back, with the log from there on …`);
  const { programs, passwordFile } = store.cluster;
  const cluster = await aside(
    () => freePort(),
    moment,
    (target, free) =>
      restoreBackupAside({ own, label, target, dir, port: free, programs, passwordFile, lost: 'new', bounds }),
  );
  if (!cluster.ok) return cluster;
  const lastCommitAt = await lastCommit(cluster.value);
  return granted({ cluster: cluster.value, point: id ?? label, ...(lastCommitAt !== undefined && { lastCommitAt }) });
}

async function aside(
  port: () => Promise<number>,
  moment: Moment,
  bring: (target: RecoveryTarget, port: number) => Promise<Answer<Cluster>>,
): Promise<Answer<Cluster>> {
  try {
    return await bring(targetOf(moment), await port());
  } catch (error) {
    if (!(error as Error).message.includes(ENDED_BEFORE)) throw error;
    const unknown =
      moment.kind === 'time'
        ? 'whether anything was committed between its end and that moment isn’t known there: ask for an earlier moment, or for none, which is the last one that it has'
        : 'it isn’t in the log from that restore point on: another one is named by --id';
    return denied('rejected', `the log in the repository ends before that moment; ${unknown}`);
  }
}

function targetOf(moment: Moment): RecoveryTarget {
  switch (moment.kind) {
    case 'latest':
      return { kind: 'latest' };
    case 'transaction':
      return { kind: 'transaction', xid: moment.xid };
    case 'before-rollout':
      return { kind: 'name', name: beforeRollout(moment.rollout) };
    case 'time':
      return { kind: 'time', at: new Date(moment.at).toISOString().replace('T', ' ').replace('Z', '+00') };
  }
}

/** The newest backup before the moment, or the one that is named; also one that somebody else took there. */
function chooseBackup(backups: readonly Backup[], { of, moment, id }: RecoverBackupAsk, where: string): Answer<Backup> {
  const whose = `${of.environment}/${of.cell}/${of.store}`;
  const others = backups.find(({ annotation }) => (annotation?.[ANNOTATIONS.store] ?? whose) !== whose);
  if (others !== undefined)
    return denied(
      'rejected',
      `${where} is another store’s, ${others.annotation?.[ANNOTATIONS.store]}, and not ${whose}`,
    );
  const newestFirst = backups.toReversed();
  const named = newestFirst.find(({ label, annotation }) => label === id || annotation?.[ANNOTATIONS.id] === id);
  const before = newestFirst.find(({ timestamp, annotation }) => {
    if (moment.kind === 'time') return timestamp.stop * 1_000 <= moment.at;
    // Its own restore points are taken before its migrations.
    return moment.kind !== 'before-rollout' || annotation?.[ANNOTATIONS.rollout] === moment.rollout;
  });
  const found =
    id !== undefined ? named : (before ?? (moment.kind === 'before-rollout' ? newestFirst.at(-1) : undefined));
  if (found !== undefined) return granted(found);
  const oldest = newestFirst.at(-1);
  if (oldest === undefined) return denied('rejected', `no backup lies in ${where}`);
  if (id !== undefined) return denied('rejected', `there is no ${id} in ${where}`);
  return denied(
    'rejected',
    `the oldest backup in ${where} is of ${new Date(oldest.timestamp.stop * 1_000).toISOString()}: nothing before it can be brought back`,
  );
}
