/**
 * A copy of a store as its latest restore point holds it: a drill of that restore point, too. What restores it is the same
 * port as after a failed promotion, pointed at a database, or a cluster, that is thrown away.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer, KeptRestorePoint, RestorePoints } from '@headgate/execution';
import pg from 'pg';
import { readSecret, writeDurably } from '../../machine/durable-file.ts';
import { SUPERUSER } from '../../postgres-cluster/cluster.ts';
import { ensureDatabase, withClient } from '../../postgres-cluster/database.ts';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { DumpRestorePoints } from '../external-store/dump-restore-points.ts';
import type { ExternalStore } from '../external-store/external-store.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { PhysicalRestorePoints } from '../restore-points/physical-restore-points.ts';
import { controlConnection, prepareStore } from '../store/store-session.ts';
import { type Copy, recordedVersion } from './copy.ts';
import { COPY_SETTINGS, type CopyServer, makeRoles, rolesOf } from './copy-server.ts';
import { type Bounds, rehearsalContext } from './rehearsal-context.ts';
import { throwAwayCluster } from './throw-away-cluster.ts';
import { likenessOf, throwAwayDatabase } from './throw-away-database.ts';

/** Of a database of somebody else's: loaded on a server beside it (which may be its own). */
export async function copyFromDumpPoint(store: ExternalStore, onto: CopyServer, bounds: Bounds): Promise<Copy> {
  const begun = performance.now();
  const source = await store.cluster.controlConnection(store.database);
  const { like, roles } = await withClient(source, async (client) => ({
    like: await likenessOf(client),
    roles: await rolesOf(client),
  }));
  await makeRoles(onto, roles);
  const thrown = await throwAwayDatabase(onto.server, store.user, { like });
  const aside: ExternalStore = { ...store, cluster: onto.server, database: thrown.database };
  try {
    await prepareStore(aside);
    const points = new DumpRestorePoints(new Map([[store.name, aside]]));
    const newest = await restoreNewest(points, store.name, bounds);
    return await copyOf(aside, newest, begun, () => thrown.drop());
  } catch (error) {
    await thrown.drop();
    throw error;
  }
}

/** Of a store whose cluster we keep: as a cluster of its own below `root`. */
export async function copyFromPhysicalPoint(store: BackedStore, root: string, bounds: Bounds): Promise<Copy> {
  const begun = performance.now();
  const made = await throwAwayCluster(root, await findPrograms(15, root), COPY_SETTINGS);
  const { cluster, dir } = made;
  try {
    const login = { database: store.database, user: store.user, passwordFile: join(dir, 'application') };
    await ensureDatabase(cluster, login);
    // A restored cluster has the superuser's password of where it comes from: ours takes it over beforehand.
    const password = await readSecret(store.cluster.passwordFile);
    await withClient(await cluster.controlConnection(), (client) =>
      client.query(`alter role ${pg.escapeIdentifier(SUPERUSER)} password ${pg.escapeLiteral(password)}`),
    );
    await writeDurably(cluster.passwordFile, `${password}\n`, 0o600);
    const aside: BackedStore = { ...store, ...login, cluster, files: [] };
    await prepareStore(aside);
    const points = new PhysicalRestorePoints(new Map([[store.name, aside]]));
    const newest = await restoreNewest(points, store.name, bounds);
    // What it was before it was restored.
    await rm(`${cluster.data}.before`, { recursive: true, force: true });
    return await copyOf(aside, newest, begun, () => made.remove());
  } catch (error) {
    await made.remove();
    throw error;
  }
}

async function restoreNewest(points: RestorePoints, store: string, bounds: Bounds): Promise<KeptRestorePoint> {
  const { kept, unreadable } = await points.list(store);
  const [newest] = kept;
  if (newest === undefined) {
    const bad = unreadable[0];
    const why = bad === undefined ? 'it has none yet' : `${bad.id} can’t be read: ${bad.why}`;
    throw new Error(
      `there is no restore point of the store ${store} to rehearse on: ${why}; take one: headgate-agent restore-points take --config FILE --store ${store}`,
    );
  }
  const restored: Answer<unknown> = await points.restore(
    store,
    newest.point.id,
    { kind: 'restore-point' },
    rehearsalContext('restore', bounds),
  );
  if (!restored.ok) throw new Error(`the restore point ${newest.point.id} doesn't come back: ${restored.why}`);
  return newest;
}

/** What came back, as a copy. */
export async function copyOf(
  store: Copy['store'],
  { point: { id, takenAt, manifest }, schemaVersion }: Pick<KeptRestorePoint, 'point' | 'schemaVersion'>,
  begun: number,
  remove: () => Promise<void>,
): Promise<Copy> {
  const recorded = await withClient(await controlConnection(store), recordedVersion);
  return {
    store,
    origin: { how: 'restore-point', of: id, takenAt, manifest },
    schemaVersion: recorded ?? schemaVersion,
    readyMs: performance.now() - begun,
    remove,
  };
}
