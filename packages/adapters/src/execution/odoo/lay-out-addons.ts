import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { syncFolder } from '../../machine/durable-file.ts';
import type { UpgradeDocument } from './upgrade-document.ts';

/**
 * Writes the upgrade's modules, each file as its digest says, into a folder that is named by all of them. A folder that
 * is there is whole. Odoo may read and not write it.
 */
export async function layOutAddons(
  upgrade: UpgradeDocument,
  parent: string,
  ctx: Pick<StepContext, 'blob'>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, digest } of upgrade.addons) hash.update(`${name}\0${digest}\0`);
  const dir = join(parent, `addons-${hash.digest('hex').slice(0, 16)}`);
  if (await stat(dir).catch(() => undefined)) return dir;
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const staging = `${dir}.new`;
  await rm(staging, { recursive: true, force: true });
  const folders = new Set([staging]);
  for (const { name, digest } of upgrade.addons) {
    const bytes = await ctx.blob(digest);
    if (digestOf(bytes) !== digest) throw new Error(`${name} isn't what its digest says`);
    const file = join(staging, name);
    await mkdir(dirname(file), { recursive: true });
    for (let folder = dirname(file); folder.length >= staging.length; folder = dirname(folder)) folders.add(folder);
    await writeFile(file, bytes, { mode: 0o644, flag: 'wx' });
    await chmod(file, 0o644);
  }
  for (const folder of folders) await chmod(folder, 0o755);
  await rename(staging, dir);
  await syncFolder(parent);
  return dir;
}

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
