import { join } from 'node:path';
import type pg from 'pg';
import type { Cluster } from '../../postgres-cluster/cluster.ts';
import { withClient } from '../../postgres-cluster/database.ts';
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

/** Our own settings for a superuser's session in a database whose owner may have set others. */
const OPTIONS = '-c search_path=pg_catalog,pg_temp -c role=none -c statement_timeout=0 -c lock_timeout=10000';

/** A superuser's session in a tenant's database. Every name in its statements is a qualified one. */
export async function inTenant<T>(
  stores: OdooStores,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return withClient({ ...(await stores.cluster.connection(database)), options: OPTIONS }, work);
}
