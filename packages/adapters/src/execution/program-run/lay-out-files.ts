import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { syncFolder } from '../../machine/durable-file.ts';

/** A file of a release: a path below its folder, checked by the caller, and what its bytes are. */
export interface NamedFile {
  readonly name: string;
  readonly digest: Digest;
}

/**
 * Writes files, each as its digest says, into a folder that others may read and not write. What was there is replaced;
 * a folder of that name is whole.
 */
export async function layOutFiles(
  files: readonly NamedFile[],
  dir: string,
  ctx: Pick<StepContext, 'blob'>,
): Promise<void> {
  await mkdir(dirname(dir), { recursive: true, mode: 0o755 });
  const staging = `${dir}.new`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging);
  const folders = new Set([staging]);
  for (const { name, digest } of files) {
    const bytes = await ctx.blob(digest);
    if (digestOf(bytes) !== digest) throw new Error(`${name} isn't what its digest says`);
    const file = join(staging, name);
    await mkdir(dirname(file), { recursive: true });
    for (let folder = dirname(file); folder.length >= staging.length; folder = dirname(folder)) folders.add(folder);
    await writeFile(file, bytes, { mode: 0o644, flag: 'wx' });
    await chmod(file, 0o644);
  }
  for (const folder of folders) await chmod(folder, 0o755);
  await rm(dir, { recursive: true, force: true });
  await rename(staging, dir);
  await syncFolder(dirname(dir));
}

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
