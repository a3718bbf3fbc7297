import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import type pg from 'pg';
import { type CopiedTree, copyFile, copyTree, readBack } from '../../machine/copy-tree.ts';
import { leftOut, segmentsBetween } from '../../postgres-cluster/copied-parts.ts';
import { withClient } from '../../postgres-cluster/database.ts';
import { RowPromise } from '../census/row-promise.ts';
import { controlConnection } from '../store/store-session.ts';
import type { BackedStore } from './backed-store.ts';
import type { FileEntry, Manifest } from './manifest.ts';
import { archived } from './wal.ts';

/**
 * Copies a running store into `dir`. PostgreSQL's backup mode belongs to the one session that is held open here: when
 * we die, it ends by itself and the copy stays without a manifest.
 */
export async function takeCopy(
  store: BackedStore,
  id: string,
  dir: string,
  ctx: StepContext,
): Promise<Answer<Manifest>> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { mode: 0o700 });
  const control = await controlConnection(store);
  const promise = new RowPromise(store.census === true ? control : undefined);
  try {
    return await withClient(control, (client) => copyFrom(client, store, id, dir, promise, ctx));
  } finally {
    await promise.close();
  }
}

async function copyFrom(
  client: pg.Client,
  store: BackedStore,
  id: string,
  dir: string,
  promise: RowPromise,
  ctx: StepContext,
): Promise<Answer<Manifest>> {
  const version = async (): Promise<number> =>
    (await client.query<{ v: number }>('select coalesce(max(version), 0)::int as v from headgate.migration')).rows[0]!
      .v;
  const schemaVersion = await version();
  const { rows: started } = await client.query<{ lsn: string; wal: string; system: string }>(
    `select lsn::text, pg_walfile_name(lsn) as wal, (select system_identifier::text from pg_control_system()) as system
       from pg_backup_start($1, true) as lsn`,
    [id],
  );
  const { lsn: startLsn, wal: startWal, system: systemIdentifier } = started[0]!;
  const data = await copyTree(store.cluster.data, dir, 'data', leftOut, ctx.signal);
  await promise.before();
  // We wait for the archive ourselves: the server looks once a second only.
  const { rows: stopped } = await client.query<{ lsn: string; label: string; map: string; wal: string; at: string }>(
    `select lsn::text, labelfile as label, spcmapfile as map, pg_walfile_name(lsn) as wal, (extract(epoch from clock_timestamp()) * 1000)::bigint::text as at
       from pg_backup_stop(false)`,
  );
  await promise.after();
  const stop = stopped[0]!;
  if (stop.map !== '')
    return denied('rejected', `the store ${store.name} has tablespaces; a restore point holds its own folder only`);
  data.files.push(await writeLabel(dir, stop.label));
  if ((await version()) !== schemaVersion)
    return denied('transient', `the store ${store.name} was migrated while it was copied`);

  const segments = segmentsBetween(startWal, stop.wal);
  const waitMs = Math.max(1_000, Math.min(60_000, ctx.remainingMs()));
  if (!(await archived(store.archiveDir, segments, waitMs))) {
    return denied('transient', `the WAL of the store ${store.name} wasn't archived within ${Math.round(waitMs)} ms`);
  }
  const wal: FileEntry[] = [];
  await mkdir(join(dir, 'wal'), { recursive: true, mode: 0o700 });
  for (const segment of segments)
    wal.push((await copyFile(join(store.archiveDir, segment), join(dir, 'wal', segment), join('wal', segment)))!);
  const folders: CopiedTree[] = [];
  for (const { name, dir: from } of store.files) {
    if (await stat(from).catch(() => undefined))
      folders.push(await copyTree(from, dir, join('files', name), () => false, ctx.signal));
  }
  const census = await promise.count(ctx.signal);
  return granted({
    v: 1,
    id,
    store: store.name,
    rollout: ctx.rollout,
    step: ctx.step,
    schemaVersion,
    takenAt: Number(stop.at),
    startLsn,
    stopLsn: stop.lsn,
    startWal,
    systemIdentifier,
    ...(census !== undefined && { census }),
    folders: [...data.folders, 'wal', ...folders.flatMap((tree) => tree.folders)],
    files: [...data.files, ...wal, ...folders.flatMap((tree) => tree.files)],
  });
}

async function writeLabel(dir: string, label: string): Promise<FileEntry> {
  const path = join('data', 'backup_label');
  await writeFile(join(dir, path), label, { mode: 0o600, flush: true });
  const { size, sha256 } = (await readBack(join(dir, path)))!;
  return { path, size, sha256, mode: 0o600, uid: 0, gid: 0 };
}
