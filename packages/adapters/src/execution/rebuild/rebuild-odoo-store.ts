/**
 * A tenant's store of Odoo that is lost with its machine, made anew on its cell's PostgreSQL: fetched from its vault, brought back
 * under names of its own, compared and checked there, and only then put into its place: its files first, its database's name as the
 * last word. Whatever is wrong leaves no database of the tenant's name.
 */
import { mkdir, readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Trust, WalIdentity } from '@headgate/documents';
import { compareCensus, type ExercisedStore, type RebuildPoint, wrongBefore, wrongWithStore } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import pg from 'pg';
import { readBack } from '../../machine/copy-tree.ts';
import { syncFolder } from '../../machine/durable-file.ts';
import { makeRootFolder } from '../../machine/reachable.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { countRows } from '../census/count-rows.ts';
import { urlOf } from '../drill/brought-back.ts';
import { compareAttachments } from '../odoo/attachments.ts';
import { plainName } from '../odoo/command.ts';
import { DatabaseDoor, endSessions } from '../odoo/database-door.ts';
import { dropDatabase } from '../odoo/dump.ts';
import type { ModuleVersions } from '../odoo/installed-modules.ts';
import { PointManifest } from '../odoo/point-manifest.ts';
import { readerConnection } from '../odoo/reader.ts';
import { inRecords } from '../odoo/records.ts';
import { restoreBeside } from '../odoo/restore-beside.ts';
import { filestoreDir, type OdooStore, type OdooStores, storeDir } from '../odoo/store.ts';
import { prepared } from '../odoo/tenant-swap.ts';
import { declareVersion, recordRestored } from '../odoo/version-records.ts';
import { endLeftovers } from '../program-run/leftovers.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { fetchPoint } from '../vault/fetch-point.ts';
import { type Draft, indexesChecked, ROOM } from './rebuild-store.ts';

export interface OdooStoreToRebuild {
  /** By the configuration of the cell in its new place, its PostgreSQL prepared. */
  readonly stores: OdooStores;
  readonly store: OdooStore;
  /** Whose copies in the vault it is made of. */
  readonly of: WalIdentity;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret. */
  readonly identities: readonly string[];
  /** As the plan names it. */
  readonly point: Pick<RebuildPoint, 'id' | 'manifest'>;
  /** Modules that the releases bring: by them a restore point from before tells what its version stands for. */
  readonly released: ReadonlySet<string>;
  /** An earlier attempt was about to put it into its place: files that stand there are its own. */
  readonly begun: boolean;
  /** For each part of it. Milliseconds. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called just before it goes into its place, with what is known of it. */
  placing(rebuilt: ExercisedStore): Promise<void>;
}

/** Makes it. Throws, in words, why it can't. */
export async function rebuildOdooStore(ask: OdooStoreToRebuild): Promise<ExercisedStore> {
  const { stores, store, of, vault, trust, identities, point, begun, signal, say } = ask;
  await stores.cluster.start();
  if (await databaseThere(stores, store.database))
    throw new Error(
      `the database ${store.database} is there already (port ${stores.cluster.config.port}), and nothing is written over: drop it if it is nobody’s`,
    );
  const place = filestoreDir(stores, store);
  if (!begun && (await readdir(place).catch(() => [])).length > 0)
    throw new Error(`${place} isn’t empty, and nothing is written over: move it away if it is nobody’s`);
  await clearBeside(stores, store);
  const chosen = await choosePoint(vault, of, point.id, trust, signal);
  if (!chosen.ok) throw new Error(chosen.why);
  const { sealed, manifest: digest } = chosen.unsealing;
  if (digest !== point.manifest)
    throw new Error(`${point.id} isn't the one that the plan names: its manifest is ${digest}, not ${point.manifest}`);
  const staging = stagingOf(stores, store);
  await makeRootFolder(staging);
  try {
    const { bavail, bsize } = await statfs(staging);
    const needed = 2 * sealed.bytes + ROOM;
    if (bavail * bsize < needed)
      throw new Error(`${dirname(staging)} has room for ${bavail * bsize} bytes, ${needed} are needed`);
    say(`${store.name}: ${sealed.id} is fetched …`);
    const fetched = await fetchPoint(chosen.unsealing, identities, join(staging, 'points'));
    if (!fetched.ok) throw new Error(fetched.why);
    const { dir } = fetched.value;
    const manifest = PointManifest.parse(JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')));
    say(`${store.name}: its database and its filestore are brought back beside their places …`);
    const { deadlineMs } = ask;
    // It is timed, or waited for.
    const unfit = await restoreBeside(stores, store, manifest, dir, { deadlineMs, signal, yields: false });
    if (unfit !== undefined) throw new Error(`${sealed.id} doesn't come back as it was promised: ${unfit}`);
    const draft = await compared(ask, manifest, {
      ...{ store: of.store, point: sealed.id, manifest: digest, takenAt: sealed.takenAt },
      // Every module came back at the version that the restore point names.
      ...{ promisedSchema: sealed.schemaVersion, ownSchema: manifest.schemaVersion, schema: manifest.schemaVersion },
    });
    const wrong = wrongWithStore(draft);
    if (wrong.length > 0)
      throw new Error(`${sealed.id} doesn't come back as it was promised: ${wrong.slice(0, 5).join('; ')}`);
    for (const why of wrongBefore(draft)) say(`${store.name}: ${why}`);
    await ask.placing(draft);
    await intoPlace(ask, manifest);
    return draft;
  } finally {
    await clearBeside(stores, store);
  }
}

/** Whether a database of that name stands on the cell's PostgreSQL, which runs. */
export async function databaseThere({ cluster }: Pick<OdooStores, 'cluster'>, database: string): Promise<boolean> {
  return withClient(await cluster.controlConnection(), async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    return rowCount === 1;
  });
}

/** Ends and removes what an attempt that was killed, or ended, left beside a tenant's place. */
export async function clearBeside(stores: OdooStores, store: OdooStore): Promise<void> {
  await endOdooPrograms(stores, store);
  await rm(stagingOf(stores, store), { recursive: true, force: true });
  const { database, filestore } = prepared(stores, store);
  await rm(filestore, { recursive: true, force: true });
  if ((await stores.cluster.postmaster()) === undefined) return;
  // While it is there: what a login may do there is taken from it first.
  if (await databaseThere(stores, database))
    await new DatabaseDoor(stores).endAssignments({ name: database, database });
  await withClient(await stores.cluster.controlConnection(), (client) => dropDatabase(client, database));
}

/** Ends the programs that a killed attempt left at work for a tenant. */
export async function endOdooPrograms(stores: OdooStores, store: OdooStore): Promise<void> {
  const own = storeDir(stores, store);
  const tools = join(stores.dir, 'tools', prepared(stores, store).database);
  for (const dir of [
    tools,
    join(stagingOf(stores, store), 'programs'),
    join(own, 'neutralise'),
    join(own, 'manifests'),
  ])
    await endLeftovers(dir);
}

function stagingOf(stores: OdooStores, store: OdooStore): string {
  return join(storeDir(stores, store), 'rebuilding');
}

/** What came back beside its place, beside what was promised of it. */
async function compared(
  { stores, store, deadlineMs, signal, say }: OdooStoreToRebuild,
  manifest: PointManifest,
  draft: Draft,
): Promise<Draft> {
  const { database, filestore } = prepared(stores, store);
  say(`${store.name}: rows, files and attachments are compared …`);
  if (manifest.census !== undefined)
    draft.census = compareCensus(
      manifest.census,
      await countRows(await readerConnection(stores, database), 'dump', signal),
    );
  const wrong: string[] = [];
  const files = manifest.files.filter(({ path }) => path.startsWith('filestore/'));
  for (const [n, { path, size, sha256 }] of files.entries()) {
    signal.throwIfAborted();
    const found = await readBack(join(filestore, path.slice('filestore/'.length)));
    // A file's name may be a customer's word.
    if (found?.size !== size || found.sha256 !== sha256) wrong.push(`number ${n + 1} of its filestore`);
  }
  draft.files = { compared: files.length, wrong };
  const attachments = await compareAttachments(stores, database, filestore, signal);
  draft.attachments = { ...attachments, promisedMissing: manifest.danglingAttachments };
  const found = await indexesChecked({
    ...{ name: store.name, cluster: stores.cluster, database, staging: stagingOf(stores, store) },
    ...{ url: await urlOf(stores.cluster, database), deadlineMs, signal, say },
  });
  if (found !== undefined) draft.amcheck = found;
  return draft;
}

/** What we remember of it, its files, and its database's name: with that it is there. */
async function intoPlace({ stores, store, released }: OdooStoreToRebuild, manifest: PointManifest): Promise<void> {
  const { database, filestore } = prepared(stores, store);
  const { schemaVersion, fence } = manifest;
  await inRecords(stores, async (client) => {
    const wrong = await declareVersion(client, schemaVersion, standsFor(manifest, released), 'adopted');
    if (wrong !== undefined) throw new Error(wrong);
    await recordRestored(client, store, schemaVersion);
    if (fence !== undefined)
      await client.query(
        `insert into headgate.fence as held(store, epoch, n) values ($1, $2, $3)
         on conflict (store) do update set epoch = excluded.epoch, n = excluded.n
         where (held.epoch, held.n) < (excluded.epoch, excluded.n)`,
        [store.name, fence.epoch, fence.n],
      );
  });
  const place = filestoreDir(stores, store);
  await mkdir(dirname(place), { recursive: true });
  await rm(place, { recursive: true, force: true });
  await rename(filestore, place);
  await syncFolder(dirname(place));
  await withClient(await stores.cluster.controlConnection(), async (client) => {
    await endSessions(client, 'datname = $1', [database]);
    await client.query(
      `alter database ${pg.escapeIdentifier(database)} rename to ${pg.escapeIdentifier(plainName(store.database))}`,
    );
  });
}

/** Which modules' versions its schema version stands for in the cell. */
function standsFor({ declared, modules }: PointManifest, released: ReadonlySet<string>): ModuleVersions {
  if (declared !== undefined) return declared;
  const ofReleases = Object.entries(modules).filter(([name]) => released.has(name));
  return ofReleases.length === 0 ? modules : Object.fromEntries(ofReleases);
}
