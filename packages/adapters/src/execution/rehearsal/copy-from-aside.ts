/**
 * A copy of a store whose restore points others keep, pgBackRest in its repository or a program as snapshots: brought back beside the
 * store by what a drill and a restore bring it back by, as a cluster that is thrown away. A drill of that restore point, too.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestorePoint } from '@headgate/domain';
import type { Answer } from '@headgate/execution';
import { freePort } from '../../machine/free-port.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { openPoint } from '../pgbackrest/opened-point.ts';
import type { PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import { restoreBackupAside } from '../pgbackrest/restore-aside.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { ASIDE_SETTINGS } from '../restore-points/recovery.ts';
import { newestAside, type SnapshotStore } from '../snapshots/snapshot-restore-points.ts';
import type { Copy } from './copy.ts';
import { copyOf } from './copy-from-point.ts';
import { COPY_SETTINGS } from './copy-server.ts';
import type { Bounds } from './rehearsal-context.ts';
import { PROGRAMS, throwAwayFolder } from './throw-away-cluster.ts';

interface Back {
  readonly cluster: Cluster;
  readonly point: RestorePoint;
  readonly schemaVersion: number;
}

/** Of the newest restore point in pgBackRest's repository, below `root`. Throws, in words, why there is none. */
export async function copyFromBackup(store: PgBackRestStore, root: string, bounds: Bounds): Promise<Copy> {
  return copyAside(store, root, async (dir) => {
    const place = join(dir, 'cluster');
    const configuration = join(dir, 'pgbackrest');
    const runsDir = join(dir, PROGRAMS);
    await mkdir(runsDir, { recursive: true, mode: 0o755 });
    try {
      // One of its own: it neither waits for the store's nor keeps it waiting.
      const at = { dir: configuration, data: join(place, 'data'), runsDir };
      const opened = await openPoint(store, undefined, at, bounds);
      if (!opened.ok) return opened;
      const { own, point, manifest } = opened.value;
      const { label, moment } = manifest.pgbackrest;
      const { programs, passwordFile } = store.cluster;
      const to = { dir: place, port: await freePort(), programs, passwordFile, lost: 'new' as const, bounds };
      const cluster = await restoreBackupAside({ own, label, moment, target: { kind: 'restore-point' }, ...to });
      if (!cluster.ok) return cluster;
      return { ok: true, value: { cluster: cluster.value, point, schemaVersion: manifest.schemaVersion } };
    } finally {
      // It holds the repository's secrets, and recovery is over.
      await rm(configuration, { recursive: true, force: true });
    }
  });
}

/** Of the newest snapshot that the store's program laid out. Throws, in words, why there is none. */
export async function copyFromSnapshot(store: SnapshotStore, root: string, bounds: Bounds): Promise<Copy> {
  return copyAside(store, root, async (dir) => {
    const programDir = join(dir, PROGRAMS, 'snapshots');
    await mkdir(programDir, { recursive: true, mode: 0o755 });
    return newestAside(store, { dir: join(dir, 'cluster'), port: await freePort(), programDir, ...bounds });
  });
}

async function copyAside(
  store: BackedStore,
  root: string,
  bring: (dir: string) => Promise<Answer<Back>>,
): Promise<Copy> {
  const begun = performance.now();
  const { dir, remove } = await throwAwayFolder(root, store.cluster.programs, 'rehearsal');
  try {
    const back = await bring(dir);
    if (!back.ok) throw new Error(`the newest restore point of the store ${store.name} doesn't come back: ${back.why}`);
    const { cluster: aside, point, schemaVersion } = back.value;
    // With the room that every rehearsal has; recovery is over.
    await aside.stop();
    const settings = { ...ASIDE_SETTINGS, ...COPY_SETTINGS };
    const cluster = new Cluster({ dir: aside.dir, port: aside.config.port, settings }, aside.programs);
    await cluster.start();
    const { name, database, user } = store;
    const passwordFile = join(dir, 'application');
    return await copyOf({ name, cluster, database, user, passwordFile }, { point, schemaVersion }, begun, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}
