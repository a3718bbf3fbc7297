/**
 * Tells each of Odoo's processes that a tenant's database is another one. They keep its registry and caches, and compare a number in it
 * with the one that they saw last: in a database of before that number is an older one, and comes to be the same again.
 */
import { withClient } from '../../../postgres-cluster/database.ts';
import type { DatabaseDoor } from '../database-door.ts';
import { StoreFault } from '../../store/store-fault.ts';
import { inTenant } from '../reader.ts';
import type { OdooStore, OdooStores } from '../store.ts';
import { replacedDatabase } from '../tenant-swap.ts';

const TABLE = { name: 'orm_signaling_registry', columns: [] } as const;
/** A process may be so far beyond what it has committed, and no process ever is. */
const BEYOND = 1_000;

/** While its tenant is held: the door is closed afterwards. Nothing to do where the database has no such number. */
export async function signalReload(stores: OdooStores, door: DatabaseDoor, store: OdooStore): Promise<void> {
  const last = [await lastSignal(stores, store.database), await lastSignal(stores, replacedDatabase(store))];
  const [own] = last;
  if (own === undefined) return;
  const next = Math.max(...last.map((each) => each ?? 0)) + BEYOND;
  // As the owner: what is made for that table is the tenant's own.
  const { user, password } = await door.forAssignment(store);
  try {
    await withClient(await stores.cluster.connectionAs({ user, password }, store.database), async (client) => {
      await client.query(
        `insert into public.${TABLE.name}(id)
         select pg_catalog.setval(pg_catalog.pg_get_serial_sequence('public.${TABLE.name}', 'id'), $1)`,
        [next],
      );
    });
  } finally {
    await door.endAssignments(store);
    await door.close(store);
  }
}

/** Undefined: there is no such database, or no such table in it. */
async function lastSignal(stores: OdooStores, database: string): Promise<number | undefined> {
  try {
    return await inTenant(stores, database, TABLE, async (client) => {
      const { rows } = await client.query<{ last: number | null }>(
        `select pg_catalog.max(id) as last from only public.${TABLE.name}`,
      );
      return rows[0]?.last ?? 0;
    });
  } catch (error) {
    if (error instanceof StoreFault || (error as { readonly code?: string }).code === NO_DATABASE) return undefined;
    throw error;
  }
}

const NO_DATABASE = '3D000';
