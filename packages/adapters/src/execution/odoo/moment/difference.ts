/** In what a tenant's database of then differs from the one that serves, row against row: counts and names, and no row. */
import type { ProposedTable } from '@headgate/domain';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { SETTINGS } from '../../census/application-tables.ts';
import { comparedTables } from '../../recover/compare-stores.ts';
import { countedIn } from '../../recover/counted-tables.ts';
import { readerConnection } from '../reader.ts';
import type { OdooStore, OdooStores } from '../store.ts';
import { isByItself } from './by-itself.ts';

export interface TenantDifference {
  /** Of customers' and of everybody's: `lost` of now aren't there then, `back` of then aren't there now. */
  readonly tables: readonly ProposedTable[];
  /** The same of tables that Odoo writes to by itself. */
  readonly byItself: readonly ProposedTable[];
  /** Tables that are the same. */
  readonly same: number;
}

/** Reads both, each as it is in one moment. Nobody is held: what is written to the live one later isn't in it. */
export async function tenantDifference(
  live: OdooStores,
  aside: OdooStores,
  { database }: OdooStore,
  signal: AbortSignal,
): Promise<TenantDifference> {
  return inOneMoment(await readerConnection(live, database), async (now) =>
    inOneMoment(await readerConnection(aside, database), async (then) => {
      const [a, b] = [await countedIn(now, signal), await countedIn(then, signal)];
      const differing = await comparedTables([now, a.tables], [then, b.tables], signal);
      const all = new Set([...a.tables.keys(), ...b.tables.keys()]).size;
      return { ...apart(differing), same: all - differing.length };
    }),
  );
}

/** None is left out: those that Odoo writes to by itself are told by themselves. */
export function apart(tables: readonly ProposedTable[]): Pick<TenantDifference, 'tables' | 'byItself'> {
  return {
    tables: tables.filter(({ table }) => !isByItself(table)),
    byItself: tables.filter(({ table }) => isByItself(table)),
  };
}

/** A session that reads a tenant's database as it is in one moment. */
export async function inOneMoment<T>(connection: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient(connection, async (client) => {
    await client.query(SETTINGS);
    await client.query('begin isolation level repeatable read, read only');
    return work(client);
  });
}
