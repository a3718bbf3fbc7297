/** A restore from a copy of a cluster's files and of the folders beside it. */
import { chmod, chown, copyFile, cp, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, granted, type RecoveryTarget } from '@headgate/execution';
import type { BackedStore } from './backed-store.ts';
import type { RestoreSource } from './in-place.ts';
import { Manifest } from './manifest.ts';
import { archiveToNow, restoreAside } from './recovery.ts';

/** `restorePoint`: its folder. `remainingMs`: for each part of it. */
export function copySource(
  store: BackedStore,
  restorePoint: string,
  target: RecoveryTarget,
  remainingMs: () => number,
  verify: () => Promise<Answer<unknown>>,
): RestoreSource {
  const deadlineMs = (): number => Math.max(10_000, remainingMs());
  return {
    verify,
    async archive() {
      if (target.kind !== 'restore-point') await archiveToNow(store, deadlineMs());
      return granted(undefined);
    },
    aside: async (dir, port) => granted(await restoreAside(store, restorePoint, target, dir, port, deadlineMs())),
    layOutFiles: () => layOutFiles(store, restorePoint, target),
  };
}

/** Puts each folder of files beside its place, as `<folder>.restoring`. */
export async function layOutFiles(
  store: Pick<BackedStore, 'files'>,
  restorePoint: string,
  target: RecoveryTarget,
): Promise<void> {
  const manifest = Manifest.parse(JSON.parse(await readFile(join(restorePoint, 'manifest.json'), 'utf8')));
  for (const { name, dir } of store.files) {
    const prefix = join('files', name);
    if (!manifest.folders.includes(prefix)) continue;
    const prepared = `${dir}.restoring`;
    await rm(prepared, { recursive: true, force: true });
    // A later moment than the copy's needs files that came after it; the database says which of them count.
    if (target.kind !== 'restore-point') await cp(dir, prepared, { recursive: true, preserveTimestamps: true });
    const owner = await stat(dir).catch(() => undefined);
    for (const folder of manifest.folders.filter((each) => each === prefix || each.startsWith(`${prefix}/`)).sort()) {
      const path = join(prepared, folder.slice(prefix.length));
      await mkdir(path, { recursive: true, mode: 0o755 });
      if (owner) await chown(path, owner.uid, owner.gid);
    }
    for (const file of manifest.files.filter((each) => each.path.startsWith(`${prefix}/`))) {
      const path = join(prepared, file.path.slice(prefix.length));
      await copyFile(join(restorePoint, file.path), path);
      await chmod(path, file.mode);
      await chown(path, file.uid, file.gid);
    }
  }
}
