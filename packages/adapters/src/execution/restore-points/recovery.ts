import { chmod, chown, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RecoveryTarget } from '@headgate/execution';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { startWithNewPassword } from '../../postgres-cluster/own-password.ts';
import type { BackedStore } from './backed-store.ts';
import { Manifest } from './manifest.ts';
import { archived, archivedFrom, archiveHistories } from './wal.ts';

/**
 * Brings a store back aside: into a cluster of its own in `dir` (anew; what was there is removed) on `port`, recovered to
 * the moment and open for reading and writing. It archives nothing. The caller stops and removes it. The log is read from the
 * store's archive: for a moment that may not be archived yet, `archiveToNow` comes first. The superuser's password is the
 * store's; `lost`: where that isn't on this machine any more it gets one of its own, else that is an error.
 */
export async function restoreAside(
  store: BackedStore,
  restorePoint: string,
  target: RecoveryTarget,
  dir: string,
  port: number,
  deadlineMs = 300_000,
  lost: 'refuse' | 'new' = 'refuse',
): Promise<Cluster> {
  const manifest = Manifest.parse(JSON.parse(await readFile(join(restorePoint, 'manifest.json'), 'utf8')));
  const aside = new Cluster(
    {
      dir,
      port,
      settings: {
        ...recoverySettings(target),
        ...ASIDE_SETTINGS,
        restore_command: 'false',
      },
    },
    store.cluster.programs,
  );
  await new Cluster(aside.config, aside.programs).stop();
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await chmod(dir, 0o755);
  const password =
    lost === 'new' ? await readIfThere(store.cluster.passwordFile) : await readFile(store.cluster.passwordFile);
  if (password !== undefined) await writeDurably(aside.passwordFile, password, 0o600);
  await layOut(store, restorePoint, manifest, target, aside);
  if (password === undefined) await startWithNewPassword(aside, deadlineMs);
  else await aside.start(deadlineMs);
  return aside;
}

/** Fills the new cluster's folder: the copy, the WAL that recovery will read, and the sign that it is to recover. */
async function layOut(
  store: BackedStore,
  restorePoint: string,
  manifest: Manifest,
  target: RecoveryTarget,
  aside: Cluster,
): Promise<void> {
  const user = aside.programs.user;
  const own = async (path: string): Promise<void> => {
    if (user) await chown(path, user.uid, user.gid);
  };
  await aside.ownFolder(aside.data);
  for (const folder of manifest.folders.filter((each) => each === 'data' || each.startsWith('data/')).sort()) {
    const path = join(dirname(aside.data), folder);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await own(path);
  }
  const place = async (from: string, to: string): Promise<void> => {
    await copyFile(from, to);
    await chmod(to, 0o600);
    await own(to);
  };
  for (const file of manifest.files) {
    if (file.path.startsWith('data/')) await place(join(restorePoint, file.path), join(dirname(aside.data), file.path));
    else if (file.path.startsWith('wal/'))
      await place(join(restorePoint, file.path), join(aside.data, 'pg_wal', file.path.slice(4)));
  }
  // All histories always: the new timeline must not take the number of one that is archived already.
  const archive = await archivedFrom(store.archiveDir, manifest.startWal);
  const further = target.kind === 'restore-point' ? archive.histories : [...archive.histories, ...archive.segments];
  for (const name of further) await place(join(store.archiveDir, name), join(aside.data, 'pg_wal', name));
  const sign = join(aside.data, 'recovery.signal');
  await writeFile(sign, '', { mode: 0o600 });
  await own(sign);
}

/** Of every cluster that is brought back aside. */
export const ASIDE_SETTINGS = {
  archive_mode: 'off',
  hot_standby: 'off',
  // A copy must not go on with what the store subscribes to elsewhere.
  max_logical_replication_workers: '0',
} as const;

/** Where recovery ends. `moment`: the name by which the log knows the restore point's own; without one it is the copy's end. */
export function recoverySettings(target: RecoveryTarget, moment?: string): Record<string, string> {
  const promote = { recovery_target_action: 'promote' };
  switch (target.kind) {
    case 'restore-point':
      // The copy's own timeline, also when a later restore has left it.
      return {
        ...promote,
        recovery_target_timeline: 'current',
        ...(moment === undefined ? { recovery_target: 'immediate' } : { recovery_target_name: moment }),
      };
    case 'latest':
      return { ...promote, ...along(target.timeline) };
    case 'time':
      return { ...promote, ...along(target.timeline), recovery_target_time: target.at };
    case 'transaction':
      return { ...promote, recovery_target_xid: target.xid };
    case 'name':
      return { ...promote, ...along(target.timeline), recovery_target_name: target.name };
    case 'lsn':
      return { ...promote, recovery_target_lsn: target.lsn };
  }
}

/** Without one, the newest that the archive tells of. */
function along(timeline: number | undefined): Record<string, string> {
  return { recovery_target_timeline: timeline === undefined ? 'latest' : String(timeline) };
}

/** Brings what was written up to now into the archive, when the cluster still runs. */
export async function archiveToNow(store: BackedStore, deadlineMs: number): Promise<void> {
  if (!(await store.cluster.postmaster())?.ready) return;
  await archiveHistories(store);
  const segment = await withClient(await store.cluster.controlConnection(), async (client) => {
    const { rows } = await client.query<{ segment: string }>('select pg_walfile_name(pg_switch_wal()) as segment');
    return rows[0]!.segment;
  });
  if (!(await archived(store.archiveDir, [segment], Math.min(60_000, deadlineMs)))) {
    throw new Error(`The WAL of the store ${store.name} isn't archived in time; look at ${store.cluster.logFile}`);
  }
}
