import { chmod, chown, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeRootFolder } from '../../machine/reachable.ts';
import type { OdooInstallation } from './installation.ts';

/** What of the data folder Odoo's processes need. */
const SHARED = ['filestore', 'sessions'] as const;

/**
 * Makes the folder that Odoo's processes are given in place of the data folder: links to its filestores and sessions, and an
 * `addons` of ours in which they may not make anything. Odoo takes the modules of its data folder's `addons/<series>`
 * before all others, so one that lies there (put by hand, or by code that runs as Odoo) would be loaded in place of the
 * release's, or of Odoo's own. Nothing to do when it is there.
 */
export async function prepareDataView(odoo: OdooInstallation): Promise<void> {
  const { dataDir, dataView, user } = odoo;
  await makeRootFolder(dataView);
  const addons = join(dataView, 'addons');
  await mkdir(addons, { recursive: true });
  await chmod(addons, 0o555);
  for (const name of SHARED) {
    const real = join(dataDir, name);
    // Only one that is made now: an adopted one is whoever's it is.
    if ((await mkdir(real, { recursive: true, mode: 0o700 })) !== undefined && user)
      await chown(real, user.uid, user.gid);
    const link = join(dataView, name);
    if ((await readlink(link).catch(() => undefined)) === real) continue;
    await rm(link, { force: true });
    await symlink(real, link);
  }
}
