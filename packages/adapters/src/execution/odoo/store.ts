import { join } from 'node:path';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { filestoreOf, type OdooInstallation } from './installation.ts';

/** One tenant's store: a database and a filestore, in a cluster that it shares with its neighbours. */
export interface OdooStore {
  readonly name: string;
  readonly database: string;
}

/** What all stores of an Odoo cell stand on. */
export interface OdooStores {
  readonly odoo: OdooInstallation;
  readonly cluster: Cluster;
  /** The role that owns every tenant's database. Nobody logs in as it. */
  readonly owner: string;
  readonly byName: ReadonlyMap<string, OdooStore>;
  /** Our own folder: restore points, journals, the upgrades' files. */
  readonly dir: string;
  /** How many restore points of a store are kept. */
  readonly keep: number;
  /** A restore point promises its rows, for which all of them are read once more; absent: it doesn't. */
  readonly census?: boolean;
}

export function findStore(stores: OdooStores, name: string): OdooStore {
  const store = stores.byName.get(name);
  if (!store) throw new Error(`There is no store ${name} in this cell`);
  return store;
}

export function storeDir(stores: OdooStores, store: OdooStore): string {
  return join(stores.dir, store.name);
}

export function filestoreDir(stores: OdooStores, store: OdooStore): string {
  return filestoreOf(stores.odoo, store.database);
}
