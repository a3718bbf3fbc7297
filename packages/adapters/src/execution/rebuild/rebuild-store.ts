/**
 * A store that is lost with its machine, made anew where its cell's configuration has it: fetched from its vault beside its place,
 * recovered, compared and checked there, and only then put into its place by a rename. Whatever is wrong leaves the place as it was.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Trust, WalIdentity } from '@headgate/documents';
import { compareCensus, type ExercisedStore, type RebuildPoint, wrongWithStore } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { readBack } from '../../machine/copy-tree.ts';
import { syncFolder } from '../../machine/durable-file.ts';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { holdMoment } from '../census/count-rows.ts';
import { amcheck } from '../drill/amcheck.ts';
import { urlOf } from '../drill/brought-back.ts';
import type { ConnectionUrl } from '../external-store/connection-url.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { recordedVersion } from '../rehearsal/copy.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { layOutFiles } from '../restore-points/copy-source.ts';
import { restoreAside } from '../restore-points/recovery.ts';
import { controlConnection, type StoreServer } from '../store/store-session.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { fetchPoint } from '../vault/fetch-point.ts';
import { PointContents } from '../vault/point-contents.ts';
import { cameTo } from '../vault/wal/came-to.ts';
import { type FetchedWal, fetchWal } from '../vault/wal/fetch-wal.ts';

export interface StoreToRebuild {
  /** By the configuration of the cell in its new place. */
  readonly store: BackedStore;
  /** Whose copies in the vault it is made of. */
  readonly of: WalIdentity;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
  /** As the plan names it. */
  readonly point: Pick<RebuildPoint, 'id' | 'manifest'>;
  /** For each part of it. Milliseconds. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called just before it goes into its place, with what is known of it: from then on it is there. */
  placing(rebuilt: ExercisedStore): Promise<void>;
}

/** Beside the content: what PostgreSQL writes as it starts. Bytes. */
export const ROOM = 256 * 1024 * 1024;

export type Draft = { -readonly [K in keyof ExercisedStore]: ExercisedStore[K] };

/** Where a store is made before it goes into its place: on the same disk, so that it goes there by a rename. */
export function stagingOf({ cluster }: Pick<BackedStore, 'cluster'>): string {
  return `${cluster.dir}.rebuilding`;
}

/** Ends and removes what an attempt that was killed left beside a store's place. */
export async function clearStaging(store: Pick<BackedStore, 'cluster' | 'files'>): Promise<void> {
  const staging = stagingOf(store);
  const programs = join(staging, 'programs');
  await endLeftovers(programs);
  for (const each of await readdir(programs).catch(() => [])) await endLeftovers(join(programs, each));
  for (const part of ['own', 'cluster'])
    await new Cluster({ dir: join(staging, part), port: 0 }, store.cluster.programs).stop(0);
  await rm(staging, { recursive: true, force: true });
  for (const { dir } of store.files) await rm(`${dir}.restoring`, { recursive: true, force: true });
}

/** Makes it. Throws, in words, why it can't; then its place is as it was. */
export async function rebuildStore(ask: StoreToRebuild): Promise<ExercisedStore> {
  const { store, of, vault, trust, identities, point, signal, say } = ask;
  await clearStaging(store);
  const chosen = await choosePoint(vault, of, point.id, trust, signal);
  if (!chosen.ok) throw new Error(chosen.why);
  const { sealed, manifest } = chosen.unsealing;
  if (manifest !== point.manifest)
    throw new Error(
      `${point.id} isn't the one that the plan names: its manifest is ${manifest}, not ${point.manifest}`,
    );
  const staging = stagingOf(store);
  await mkdir(staging, { recursive: true, mode: 0o755 });
  await chmod(staging, 0o755); // as root the cluster runs as another user
  try {
    const { bavail, bsize } = await statfs(staging);
    const needed = 2 * sealed.bytes + ROOM;
    if (bavail * bsize < needed)
      throw new Error(`${dirname(staging)} has room for ${bavail * bsize} bytes, ${needed} are needed`);
    say(`${of.store}: ${sealed.id} is fetched …`);
    const points = join(staging, 'points');
    const fetched = await fetchPoint(chosen.unsealing, identities, points);
    if (!fetched.ok) throw new Error(fetched.why);
    const wal = join(staging, 'wal');
    const log = await fetchWal({ store: vault, of, trust, identities, from: sealed, to: wal, signal });
    if (!log.ok) throw new Error(log.why);
    await mkdir(wal, { recursive: true });
    const { dir } = fetched.value;
    const draft: Draft = {
      ...{ store: of.store, point: sealed.id, manifest, takenAt: sealed.takenAt },
      promisedSchema: sealed.schemaVersion,
    };
    const cluster = await bring(ask, dir, staging, log.value, draft);
    await cluster.stop();
    const prepared = await prepareFiles(store, dir, signal);
    draft.files = prepared;
    const wrong = wrongWithStore(draft);
    if (wrong.length > 0)
      throw new Error(`${sealed.id} doesn't come back as it was promised: ${wrong.slice(0, 5).join('; ')}`);
    await ask.placing(draft);
    await placeFiles(store);
    await rename(cluster.dir, store.cluster.dir);
    await syncFolder(dirname(store.cluster.dir));
    return draft;
  } finally {
    await clearStaging(store);
  }
}

/** Its own moment, compared with what was promised; where its log goes on, the last moment after that. */
async function bring(
  ask: StoreToRebuild,
  point: string,
  staging: string,
  log: FetchedWal | undefined,
  draft: Draft,
): Promise<Cluster> {
  const { store, of, deadlineMs, say, signal } = ask;
  const { census } = PointContents.parse(JSON.parse(await readFile(join(point, 'manifest.json'), 'utf8')));
  const nowhere = join(staging, 'no-archive');
  await mkdir(nowhere, { recursive: true });
  const own = async (into: string): Promise<Cluster> => {
    say(`${of.store}: its own moment is brought back and compared …`);
    const from = { ...store, archiveDir: nowhere };
    const moment = { kind: 'restore-point' } as const;
    const cluster = await restoreAside(from, point, moment, join(staging, into), await freePort(), deadlineMs, 'new');
    const version = await schemaOf(cluster, store);
    if (version !== undefined) draft.ownSchema = version;
    if (census !== undefined) {
      const held = await holdMoment(await controlConnection({ cluster, database: store.database }));
      try {
        draft.census = compareCensus(census, await held.count('physical', signal));
      } finally {
        await held.close();
      }
    }
    return cluster;
  };
  if (log === undefined) return checked(ask, await own('cluster'), staging, draft);
  await (await own('own')).stop(0);
  await rm(join(staging, 'own'), { recursive: true, force: true });
  const { segments, reach, timeline } = log;
  say(`${of.store}: it is brought back with ${segments} segment${segments === 1 ? '' : 's'} of its log …`);
  const latest = { kind: 'latest', timeline } as const;
  const from = { ...store, archiveDir: join(staging, 'wal') };
  const place = join(staging, 'cluster');
  const cluster = await restoreAside(from, point, latest, place, await freePort(), deadlineMs, 'new');
  Object.assign(draft, {
    segments,
    reachedAt: reach.at,
    replayed: await cameTo(await cluster.controlConnection(), reach),
  });
  if (draft.replayed !== true)
    throw new Error(`what came back ends before ${reach.lsn}, up to which its log lies in ${ask.vault.name}`);
  return checked(ask, cluster, staging, draft);
}

/** Tables and indexes as PostgreSQL itself checks them, and the schema's version that came back. */
export async function checked(
  ask: Pick<StoreToRebuild, 'store' | 'of' | 'deadlineMs' | 'signal' | 'say'>,
  cluster: Cluster,
  staging: string,
  draft: Draft,
): Promise<Cluster> {
  const { store, of } = ask;
  const url = await urlOf(cluster, store.database);
  const found = await indexesChecked({ ...ask, name: of.store, cluster, database: store.database, url, staging });
  if (found !== undefined) draft.amcheck = found;
  const version = await schemaOf(cluster, store);
  if (version !== undefined) draft.schema = version;
  return cluster;
}

/** What pg_amcheck finds, `undefined` where there is none; nothing of the check stays in the database. */
export async function indexesChecked({
  name,
  cluster,
  database,
  url,
  toolsDir,
  toolsMajor,
  staging,
  deadlineMs,
  signal,
  say,
}: Pick<StoreToRebuild, 'deadlineMs' | 'signal' | 'say'> & {
  readonly name: string;
  readonly cluster: StoreServer;
  readonly database: string;
  /** A superuser's. */
  readonly url: ConnectionUrl;
  readonly toolsDir?: string | undefined;
  /** The oldest version of PostgreSQL's programs that will do; absent: the server's. */
  readonly toolsMajor?: number | undefined;
  readonly staging: string;
}): Promise<ExercisedStore['amcheck']> {
  say(`${name}: tables and indexes are checked …`);
  const control = await controlConnection({ cluster, database });
  const had = await withClient(control, async (client) => {
    const { rowCount } = await client.query(`select 1 from pg_extension where extname = 'amcheck'`);
    return rowCount === 1;
  });
  const found = await amcheck({
    copy: { url },
    ...{
      major: toolsMajor ?? (await cluster.major()),
      toolsDir,
      workDir: join(staging, 'programs'),
      deadlineMs,
      signal,
    },
  });
  signal.throwIfAborted();
  if (!had) await withClient(control, (client) => client.query('drop extension if exists amcheck'));
  return found;
}

export async function schemaOf(cluster: Cluster, { database }: BackedStore): Promise<number | undefined> {
  return withClient(await controlConnection({ cluster, database }), recordedVersion);
}

/** Files beside the database, laid out beside their places and read back from there. */
async function prepareFiles(
  store: BackedStore,
  point: string,
  signal: AbortSignal,
): Promise<NonNullable<ExercisedStore['files']>> {
  // On a new machine nobody has made them yet: they are the user's that the application runs as.
  for (const { dir } of store.files)
    if ((await stat(dir).catch(() => undefined)) === undefined) await store.cluster.ownFolder(dir);
  await layOutFiles(store, point, { kind: 'restore-point' });
  const wrong: string[] = [];
  let compared = 0;
  const { files } = PointContents.parse(JSON.parse(await readFile(join(point, 'manifest.json'), 'utf8')));
  for (const { name, dir } of store.files) {
    for (const { path, size, sha256 } of files.filter((each) => each.path.startsWith(`files/${name}/`))) {
      signal.throwIfAborted();
      const found = await readBack(join(`${dir}.restoring`, path.slice(`files/${name}/`.length)));
      compared += 1;
      // A file's name may be a customer's word.
      if (found?.size !== size || found.sha256 !== sha256)
        wrong.push(`number ${files.findIndex((each) => each.path === path) + 1} of its manifest`);
    }
  }
  return { compared, wrong };
}

/** Into their places, before the store goes into its own: where that is, they are. */
async function placeFiles({ files }: Pick<BackedStore, 'files'>): Promise<void> {
  for (const { dir } of files) {
    const prepared = `${dir}.restoring`;
    if ((await stat(prepared).catch(() => undefined)) === undefined) continue;
    await rm(dir, { recursive: true, force: true });
    await rename(prepared, dir);
    await syncFolder(dirname(dir));
  }
}
