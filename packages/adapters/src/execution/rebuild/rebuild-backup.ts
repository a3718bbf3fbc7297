/**
 * A store with pgBackRest that is lost with its machine, made anew where its cell's configuration has it: brought back from its repository
 * beside its place, compared with what was promised as far as that is known here, checked, and only then put into its place.
 */
import { chmod, mkdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WalIdentity } from '@headgate/documents';
import { compareCensus, type ExercisedStore, type RebuildPoint, wrongWithStore } from '@headgate/domain';
import type { RecoveryTarget } from '@headgate/execution';
import { syncFolder } from '../../machine/durable-file.ts';
import { freePort } from '../../machine/free-port.ts';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { recoveryEnd } from '../../postgres-cluster/timelines.ts';
import { segmentNumber, segmentOfLsn } from '../../postgres-cluster/wal-place.ts';
import { holdMoment } from '../census/count-rows.ts';
import { readLogReach } from '../pgbackrest/log-reach.ts';
import { keptOf } from '../pgbackrest/opened-point.ts';
import { type Bounds, PgBackRest } from '../pgbackrest/pgbackrest.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { ANNOTATIONS, type PointManifest } from '../pgbackrest/point-manifest.ts';
import { type Backup, repositoryInfo } from '../pgbackrest/repository-info.ts';
import { restoreBackupAside } from '../pgbackrest/restore-aside.ts';
import { lastCommit } from '../recover/recover-aside.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { controlConnection } from '../store/store-session.ts';
import { cameTo } from '../vault/wal/came-to.ts';
import { checked, clearStaging, type Draft, ROOM, schemaOf, stagingOf } from './rebuild-store.ts';

export interface BackupToRebuild {
  /** By the configuration of the cell in its new place. */
  readonly store: BackedStore;
  /** As it stood where it is lost: whose repository it is, and what is kept there of its promises. */
  readonly lost: PgBackRestStore;
  readonly of: WalIdentity;
  /** As the plan names it. */
  readonly point: Pick<RebuildPoint, 'id' | 'manifest'>;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  placing(rebuilt: ExercisedStore): Promise<void>;
}

/** Makes it. Throws, in words, why it can't; then its place is as it was. */
export async function rebuildBackup(ask: BackupToRebuild): Promise<ExercisedStore> {
  const { store, of, point, say } = ask;
  await clearStaging(store);
  const staging = stagingOf(store);
  await mkdir(join(staging, 'programs'), { recursive: true, mode: 0o755 });
  await chmod(staging, 0o755); // as root the cluster runs as another user
  try {
    const { own, backup, promise, bounds } = await open(ask, staging);
    const { bavail, bsize } = await statfs(staging);
    const needed = 2 * backup.info.size + ROOM;
    if (bavail * bsize < needed)
      throw new Error(`${dirname(staging)} has room for ${bavail * bsize} bytes, ${needed} are needed`);
    const draft: Draft = {
      ...{ store: of.store, point: point.id, manifest: point.manifest },
      takenAt: promise?.takenAt ?? backup.timestamp.stop * 1_000,
      promisedSchema: promise?.schemaVersion ?? Number(backup.annotation?.[ANNOTATIONS.schemaVersion] ?? 0),
      files: { compared: 0, wrong: [] },
    };
    const aside = (into: string, target: RecoveryTarget) =>
      bring(ask, { own, backup, promise, bounds }, join(staging, into), target);
    if (promise !== undefined) {
      say(`${of.store}: its own moment is brought back and compared …`);
      const cluster = await aside('own', { kind: 'restore-point' });
      await compare(cluster, ask, promise, draft);
      await cluster.stop(0);
      await rm(join(staging, 'own'), { recursive: true, force: true });
    }
    say(`${of.store}: it is brought back from ${backup.label}, with its log to the end …`);
    const cluster = await aside('cluster', { kind: 'latest' });
    await howFar(cluster, ask, backup, draft);
    await checked(ask, cluster, staging, draft);
    await cluster.stop();
    const wrong = wrongWithStore(draft);
    if (wrong.length > 0)
      throw new Error(`${point.id} doesn't come back as it was promised: ${wrong.slice(0, 5).join('; ')}`);
    await ask.placing(draft);
    await rename(cluster.dir, store.cluster.dir);
    await syncFolder(dirname(store.cluster.dir));
    return draft;
  } finally {
    await clearStaging(store);
  }
}

interface Opened {
  readonly own: PgBackRest;
  readonly backup: Backup;
  /** Absent: it was lost with its machine. */
  readonly promise: PointManifest | undefined;
  readonly bounds: Bounds;
}

/** The backup that the plan names: still the same one. */
async function open({ lost, point, deadlineMs, signal }: BackupToRebuild, staging: string): Promise<Opened> {
  const bounds = { deadlineMs, signal };
  const { config, programs } = lost.cluster;
  const own = await PgBackRest.open({
    ...{ config: lost.pgbackrest, dir: join(staging, 'pgbackrest'), data: join(staging, 'cluster', 'data') },
    ...{ port: config.port, user: programs.user, runsDir: join(staging, 'programs') },
  });
  const looked = await repositoryInfo(own, bounds);
  if (!looked.ok) throw new Error(looked.why);
  const backup = looked.info.backups.find(({ annotation }) => annotation?.[ANNOTATIONS.id] === point.id);
  if (backup === undefined) throw new Error(`${point.id} isn’t in ${own.name} any more`);
  const kept = (await keptOf(lost).list()).kept.find(({ manifest }) => manifest.id === point.id);
  const digest = await own.digestOf(`backup/${own.config.stanza}/${backup.label}/backup.manifest`, bounds);
  if (!digest.ok) throw new Error(`the manifest of ${backup.label}: ${digest.why}`);
  const same =
    kept === undefined
      ? point.manifest === `sha256:${digest.output}`
      : kept.point.manifest === point.manifest && kept.manifest.pgbackrest.manifest === digest.output;
  if (!same) throw new Error(`${point.id} isn't the one that the plan names: its manifest is another one`);
  return { own, backup, promise: kept?.manifest, bounds };
}

async function bring(
  { lost }: BackupToRebuild,
  { own, backup, promise, bounds }: Opened,
  dir: string,
  target: RecoveryTarget,
): Promise<Cluster> {
  const { programs, passwordFile } = lost.cluster;
  const cluster = await restoreBackupAside({
    ...{ own, label: backup.label, target, moment: promise?.pgbackrest.moment, dir, port: await freePort() },
    ...{ programs, passwordFile, lost: 'new', bounds },
  });
  if (!cluster.ok) throw new Error(cluster.why);
  return cluster.value;
}

async function compare(
  cluster: Cluster,
  { store, signal }: BackupToRebuild,
  { census }: PointManifest,
  draft: Draft,
): Promise<void> {
  const version = await schemaOf(cluster, store);
  if (version !== undefined) draft.ownSchema = version;
  if (census === undefined) return;
  const held = await holdMoment(await controlConnection({ cluster, database: store.database }));
  try {
    draft.census = compareCensus(census, await held.count('physical', signal));
  } finally {
    await held.close();
  }
}

/**
 * That it came to the last segment there was looked at as it came back. The moment is the one that the agent noted, where that is known
 * here; else no later one than the last commit that came back is claimed.
 */
async function howFar(cluster: Cluster, { lost }: BackupToRebuild, backup: Backup, draft: Draft): Promise<void> {
  const connection = await cluster.controlConnection();
  const { at } = await recoveryEnd(connection);
  const reach = await readLogReach(lost.cluster.dir, lost.pgbackrest);
  const reached = reach !== undefined && (await cameTo(connection, reach));
  const committed = await lastCommit(cluster);
  Object.assign(draft, {
    segments: segmentOfLsn(at) - segmentNumber(backup.archive.start) + 1,
    reachedAt: Math.max(draft.takenAt, reached ? reach.at : 0, committed ?? 0),
    replayed: true,
  });
}
