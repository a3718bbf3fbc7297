import { mkdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import { syncFolder, writeDurably } from '../../machine/durable-file.ts';
import { type Unsealing, unseal } from './unseal-point.ts';

/** Beside the content: folders, and what the disk rounds up to. Bytes. */
const ROOM = 16 * 1024 * 1024;

/**
 * Brings a restore point from a vault into a folder of restore points, where it is one like those that were taken there. It
 * appears by a rename once all of it was checked; until then there is a folder of no restore point's name, which goes again
 * when something is wrong. What the folder held isn't touched.
 */
export async function fetchPoint(
  unsealing: Unsealing,
  identities: readonly string[],
  to: string,
): Promise<Answer<{ readonly dir: string }>> {
  const { point, sealed, manifest } = unsealing;
  const dir = join(to, point.id);
  if (await stat(dir).catch(() => undefined))
    return denied('rejected', `${dir} is there already; move it away to fetch the restore point again`);
  await mkdir(to, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(to);
  if (bavail * bsize < sealed.bytes + ROOM)
    return denied('transient', `${to} has room for ${bavail * bsize} bytes, ${sealed.bytes + ROOM} are needed`);
  const partial = `${dir}.partial`;
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(partial, { mode: 0o700 });
    const text = await unseal(unsealing, identities, partial);
    if (!text.ok) return text;
    await writeFile(join(partial, 'manifest.json'), text.value, { mode: 0o600, flush: true });
    await writeDurably(`${dir}.sha256`, `${manifest}\n${sealed.takenFor.rollout}\n`, 0o600);
    await rename(partial, dir);
    await syncFolder(to);
    return granted({ dir });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') return denied('transient', `${to} has no room left (${code})`);
    throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
