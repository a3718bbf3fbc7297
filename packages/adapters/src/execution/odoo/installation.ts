import { join } from 'node:path';
import type { RunAs } from '../../machine/run-as.ts';

/** One unpacked Odoo: the code that all slots share; what a release brings is its own addons. */
export interface OdooInstallation {
  /** Folder that holds `usr/bin/odoo` and `usr/lib/python3/dist-packages/odoo`. */
  readonly dir: string;
  /** The system's own interpreter, never what a path finds first: `/usr/bin/python3`. */
  readonly python: string;
  /** Odoo's data folder: `filestore/<database>` and sessions, shared by all slots of a cell. */
  readonly dataDir: string;
  /** What Odoo's processes are given as their data folder: one of ours, with links into the real one (`data-view`). */
  readonly dataView: string;
  /** Who Odoo runs as; `undefined`: ourselves. Odoo refuses nothing as root, but root it must not be. */
  readonly user: RunAs | undefined;
}

/** Python's folder of the package. */
export function libraryDir(odoo: OdooInstallation): string {
  return join(odoo.dir, 'usr/lib/python3/dist-packages');
}

/** Odoo's own modules. */
export function coreAddons(odoo: OdooInstallation): string {
  return join(libraryDir(odoo), 'odoo/addons');
}

/** Files of a database's attachments. */
export function filestoreOf(odoo: Pick<OdooInstallation, 'dataDir'>, database: string): string {
  return join(odoo.dataDir, 'filestore', database);
}
