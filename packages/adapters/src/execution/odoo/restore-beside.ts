import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyFile } from '../../machine/copy-tree.ts';
import { danglingAttachments } from './attachments.ts';
import { createDatabase, ownTree, restoreDatabase } from './dump.ts';
import { halfDone, installedModules } from './installed-modules.ts';
import type { PointManifest } from './point-manifest.ts';
import type { OdooStore, OdooStores } from './store.ts';
import { prepared } from './tenant-swap.ts';

export interface RestoreBounds {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** `false`: somebody waits for it; else everybody else of the machine goes first. */
  readonly yields?: boolean;
}

/**
 * Brings a tenant's restore point back beside its place, and looks at its modules and attachments. `point`: the restore point's
 * folder, whose files were compared with its manifest. Answers what is wrong, in words; the tenant itself isn't touched.
 */
export async function restoreBeside(
  stores: OdooStores,
  store: OdooStore,
  manifest: PointManifest,
  point: string,
  { deadlineMs, signal, yields = true }: RestoreBounds,
): Promise<string | undefined> {
  const { database, filestore } = prepared(stores, store);
  await createDatabase(stores, database, 'anew');
  await restoreDatabase(stores, database, join(point, 'dump'), deadlineMs, signal, yields);
  await rm(filestore, { recursive: true, force: true });
  await mkdir(filestore, { recursive: true, mode: 0o755 });
  for (const file of manifest.files.filter(({ path }) => path.startsWith('filestore/'))) {
    signal.throwIfAborted();
    const to = join(filestore, file.path.slice('filestore/'.length));
    await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    await copyFile(join(point, file.path), to, file.path);
    await chmod(to, file.mode);
  }
  await ownTree(filestore, stores.odoo.user);
  const modules = await installedModules(stores, database);
  const half = halfDone(modules);
  if (half.length > 0) return `in the restored database ${half.join('; ')}`;
  for (const [name, version] of Object.entries(manifest.modules)) {
    const found = modules.get(name)?.version;
    if (found !== version) return `the restored database has the module ${name} at ${found}, not at ${version}`;
  }
  const dangling = await danglingAttachments(stores, database, filestore);
  if (dangling === manifest.danglingAttachments) return undefined;
  return `${dangling} attachments have no file after restoring; there were ${manifest.danglingAttachments} before`;
}
