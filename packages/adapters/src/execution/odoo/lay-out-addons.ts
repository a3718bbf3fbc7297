import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepContext } from '@headgate/execution';
import { layOutFiles } from '../program-run/lay-out-files.ts';
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
  if (!(await stat(dir).catch(() => undefined))) await layOutFiles(upgrade.addons, dir, ctx);
  return dir;
}
