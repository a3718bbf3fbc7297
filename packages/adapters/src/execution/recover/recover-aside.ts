/**
 * A store brought back to a moment, from its vault alone, beside the one that serves: into a PostgreSQL of its own in a folder
 * that a person names, for that person to look at, to take what is needed from, and to end. Nothing of the store is touched.
 */
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Trust, WalIdentity } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore, type RecoveryTarget } from '@headgate/execution';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { beforeRollout } from '../restore-points/mark.ts';
import { restoreAside } from '../restore-points/recovery.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { fetchPoint } from '../vault/fetch-point.ts';
import { allThere } from '../vault/unseal-point.ts';
import { listVault } from '../vault/vaulted-points.ts';
import { cameTo } from '../vault/wal/came-to.ts';
import { fetchWal, walThere } from '../vault/wal/fetch-wal.ts';
import { readReach } from '../vault/wal/vaulted-wal.ts';
import { inForceAt, isOn } from '../vault/wal/wal-timelines.ts';
import { inOwnFolder } from './own-folder.ts';

/** Which moment. Without one: the last that the vault has. */
export type Moment =
  | { readonly kind: 'latest' }
  /** All that was committed until then. */
  | { readonly kind: 'time'; readonly at: Instant }
  /** Just before a rollout's first migration of the store. */
  | { readonly kind: 'before-rollout'; readonly rollout: string }
  /** Up to that transaction, and with it. */
  | { readonly kind: 'transaction'; readonly xid: string };

export interface RecoverAsk {
  /** By the cell's configuration: what its cluster is like. It needn't be there any more. */
  readonly store: BackedStore;
  readonly of: WalIdentity;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
  readonly moment: Moment;
  /** The restore point to go on from; absent: the newest before the moment. */
  readonly id?: string | undefined;
  /** Empty, or not there yet. What is brought back stays in it. */
  readonly to: string;
  readonly deadlineMs: number;
  /** Ends it; nothing of it is left then. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Recovered {
  readonly cluster: Cluster;
  /** The restore point that it went on from, and how many segments of the log, where they were fetched first. */
  readonly point: string;
  readonly segments?: number;
  /** The last moment of the log that was at hand; absent: where it lies, nobody says it. */
  readonly reachedAt?: Instant;
  /** When the last transaction that came back was committed, by the store's clock; absent: none after the restore point. */
  readonly lastCommitAt?: Instant;
}

/** What PostgreSQL says when the moment comes after everything that its log holds. */
export const ENDED_BEFORE = 'recovery ended before configured recovery target was reached';
/** Beside the content: what PostgreSQL writes as it starts. Bytes. */
export const ROOM = 256 * 1024 * 1024;

/** A denial or an error leaves nothing of it in its folder. */
export function recoverAside(ask: RecoverAsk): Promise<Answer<Recovered>> {
  return inOwnFolder(ask, () => bringBack(ask));
}

async function bringBack(ask: RecoverAsk): Promise<Answer<Recovered>> {
  const { store, of, vault, trust, identities, moment, to, signal, say } = ask;
  const base = await chooseBase(ask);
  if (!base.ok) return base;
  const chosen = await choosePoint(vault, of, base.value, trust, signal);
  if (!chosen.ok) return denied('check-failed', chosen.why);
  const { sealed } = chosen.unsealing;
  if (sealed.database.form !== 'physical')
    return denied('rejected', `${sealed.id} is a ${sealed.database.form}: no log goes on from it`);
  const { bavail, bsize } = await statfs(to);
  if (bavail * bsize < 2 * sealed.bytes + ROOM)
    return denied('transient', `${to} has room for ${bavail * bsize} bytes, ${2 * sealed.bytes + ROOM} are needed`);
  const [points, wal] = [join(to, 'points'), join(to, 'wal')];
  const until = moment.kind === 'time' ? moment.at : undefined;
  // A rollout's first migration follows its restore point, also where that was undone since.
  const timeline = moment.kind === 'before-rollout' ? sealed.database.timeline : undefined;
  const walAsk = { store: vault, of, trust, identities, from: sealed, until, timeline, to: wal, signal };
  const there = await allThere(chosen.unsealing);
  if (!there.ok) return there;
  const whole = await walThere(walAsk);
  if (!whole.ok) return whole;
  signal.throwIfAborted();
  say(`${sealed.id} is fetched …`);
  const fetched = await fetchPoint(chosen.unsealing, identities, points);
  if (!fetched.ok) return fetched;
  const log = await fetchWal(walAsk);
  if (!log.ok) return log;
  if (log.value === undefined)
    return denied(
      'rejected',
      `no log that goes on from ${sealed.id} lies in ${vault.name}: vault.wal isn't declared, the store was made anew, or it was brought back to a moment before that one: name an older one with --id`,
    );
  const { segments, reach } = log.value;
  signal.throwIfAborted();
  say(`It is brought back, with ${segments} segment${segments === 1 ? '' : 's'} of its log …`);
  const along = { ...ask, store: { ...store, archiveDir: wal }, timeline: log.value.timeline };
  const back = await recovered(along, join(points, sealed.id), join(to, 'cluster')).catch((error: Error) => {
    if (moment.kind === 'latest' || !error.message.includes(ENDED_BEFORE)) throw error;
    return undefined;
  });
  if (back === undefined) return denied('rejected', notInLog(moment, sealed.id));
  const { cluster, all } = back;
  if (
    all &&
    log.value.complete &&
    log.value.timeline === timelineOf(reach.last) &&
    !(await cameTo(await cluster.controlConnection(), reach))
  ) {
    await cluster.stop(0);
    return denied('check-failed', `what came back ends before ${reach.lsn}, up to which its log lies in ${vault.name}`);
  }
  // They are in the cluster now.
  for (const folder of [points, wal]) await rm(folder, { recursive: true, force: true });
  const lastCommitAt = await lastCommit(cluster);
  return granted({
    ...{ cluster, point: sealed.id, segments, reachedAt: reach.at },
    ...(lastCommitAt !== undefined && { lastCommitAt }),
  });
}

/** Id of the newest restore point before the moment. */
async function chooseBase({ vault, of, trust, moment, id, signal, say }: RecoverAsk): Promise<Answer<string>> {
  if (id !== undefined) return granted(id);
  const { points } = await listVault(vault, of, trust, signal);
  // The log goes on from an older one as well: one that can't be read costs time, and nothing else.
  for (const { id: wrong, why } of points.filter((point) => !point.readable))
    say(`${wrong} isn't right, and passed over: ${why}`);
  const readable = points.filter((point) => point.readable);
  const read = await readReach(vault, of, trust, signal);
  const reach = read.ok ? read.value : undefined;
  const before = readable.filter(({ takenAt, rollout, sealed }) => {
    // Its own restore points are taken before its migrations.
    if (moment.kind === 'before-rollout') return rollout === moment.rollout;
    if (moment.kind === 'time' && takenAt > moment.at) return false;
    // After the store was brought back, newer ones are of a course that was left.
    if (reach === undefined || sealed === undefined) return true;
    return isOn(moment.kind === 'time' ? inForceAt(moment.at, reach) : timelineOf(reach.last), sealed, reach);
  });
  const found = before[0] ?? (moment.kind === 'before-rollout' ? readable.at(-1) : undefined);
  if (moment.kind === 'before-rollout' && before[0] === undefined && found !== undefined)
    say(
      `no restore point of ${moment.rollout} lies in ${vault.name}: it is looked for in the log from the oldest one on`,
    );
  if (found !== undefined) return granted(found.id);
  const oldest = readable.at(-1);
  return denied(
    'rejected',
    oldest === undefined
      ? `no restore point of the store ${of.store} lies in ${vault.name}`
      : `the oldest restore point in ${vault.name} is of ${new Date(oldest.takenAt).toISOString()}: nothing before it can be brought back`,
  );
}

/** `all`: as far as the log goes. */
async function recovered(
  ask: RecoverAsk & { readonly timeline: number },
  point: string,
  place: string,
): Promise<{ readonly cluster: Cluster; readonly all: boolean }> {
  const bring = async (target: RecoveryTarget): Promise<{ readonly cluster: Cluster; readonly all: boolean }> => ({
    cluster: await restoreAside(ask.store, point, target, place, await freePort(), ask.deadlineMs, 'new'),
    all: target.kind === 'latest',
  });
  const { moment, timeline } = ask;
  if (moment.kind === 'latest') return bring({ kind: 'latest', timeline });
  if (moment.kind === 'transaction') return bring({ kind: 'transaction', xid: moment.xid });
  if (moment.kind === 'before-rollout') return bring({ kind: 'name', name: beforeRollout(moment.rollout), timeline });
  try {
    const at = new Date(moment.at).toISOString().replace('T', ' ').replace('Z', '+00');
    return await bring({ kind: 'time', at, timeline });
  } catch (error) {
    // The vault's log goes beyond that moment, as its reach says; nobody committed anything in between.
    if (!(error as Error).message.includes(ENDED_BEFORE)) throw error;
    return bring({ kind: 'latest', timeline });
  }
}

/** Why a moment that isn't a time can't be brought back, by what PostgreSQL found in its log from that restore point on. */
export function notInLog(moment: Moment, point: string): string {
  const older = `older than that restore point (an older one is named by --id)`;
  if (moment.kind === 'transaction')
    return `the log from ${point} on has no transaction ${moment.xid}: it is ${older}, or there is none`;
  if (moment.kind === 'before-rollout')
    return `the log from ${point} on has no migration of ${moment.rollout}: it is ${older}, it never migrated this store, or there is no such promotion`;
  return `the log from ${point} on ends before that moment`;
}

export async function lastCommit(cluster: Cluster): Promise<Instant | undefined> {
  return withClient(await cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ at: string | null }>(
      'select (extract(epoch from pg_last_xact_replay_timestamp()) * 1000)::bigint::text as at',
    );
    const at = rows[0]?.at;
    return at === null || at === undefined ? undefined : Number(at);
  });
}
