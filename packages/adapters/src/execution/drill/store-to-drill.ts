import { findPrograms } from '../../postgres-cluster/programs.ts';
import type { AnyCellConfig } from '../cell-kinds.ts';
import { type ExternalStore, openExternalStore } from '../external-store/external-store.ts';
import { odooStores } from '../odoo/odoo-cell.ts';
import type { OdooStore, OdooStores } from '../odoo/store.ts';
import { hasPgBackRest, type PgBackRestStore } from '../pgbackrest/pgbackrest-store.ts';
import type { BackedStore } from '../restore-points/backed-store.ts';
import { physicalStore } from '../restore-points/physical-store.ts';

/** A store as a drill brings it back: from a copy of its cluster's files, from a dump of its database, or from a backup. */
export type StoreToDrill =
  | { readonly form: 'physical'; readonly store: BackedStore }
  | { readonly form: 'dump'; readonly store: ExternalStore }
  /** A tenant's of Odoo: a dump, and files beside it. */
  | { readonly form: 'dump'; readonly odoo: { readonly stores: OdooStores; readonly store: OdooStore } }
  /** From pgBackRest's repository, and not from a vault. */
  | { readonly form: 'backup'; readonly store: PgBackRestStore };

/** By a cell's configuration. Throws, in words, where a store can't be drilled. */
export async function storeToDrill(cell: AnyCellConfig, name: string, workDir: string): Promise<StoreToDrill> {
  if (cell.kind === 'odoo') {
    const stores = odooStores(cell);
    const store = stores.byName.get(name);
    if (store === undefined) throw new Error(`there is no store ${name} in ${cell.cell}`);
    return { form: 'dump', odoo: { stores, store } };
  }
  if (Object.hasOwn(cell.externalStores, name))
    return { form: 'dump', store: await openExternalStore(name, cell.externalStores[name]!) };
  if (!Object.hasOwn(cell.stores, name)) throw new Error(`there is no store ${name} in ${cell.cell}`);
  const store = physicalStore(cell, name, await findPrograms(15, workDir));
  return hasPgBackRest(store) ? { form: 'backup', store } : { form: 'physical', store: { ...store, files: [] } };
}
