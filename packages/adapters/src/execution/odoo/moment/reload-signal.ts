/**
 * Tells each of Odoo's processes that a tenant's database is another one. They keep its registry and caches, and compare a number in it
 * with the one that they saw last: in a database of before that number is an older one, and comes to be the same again.
 */
import { withClient } from '../../../postgres-cluster/database.ts';
import { StoreFault } from '../../store/store-fault.ts';
import type { DatabaseDoor } from '../database-door.ts';
import { inTenant } from '../reader.ts';
import type { OdooStore, OdooStores } from '../store.ts';
import { prepared } from '../tenant-swap.ts';

const TABLE = { name: 'orm_signaling_registry', columns: [] } as const;
/** A process may be so far beyond what it has committed, and no process ever is. */
const BEYOND = 1_000;

/**
 * In a database that is going into the tenant's place, by the one that stands there: so it is done as soon as they change names, whoever is
 * killed. Nothing to do where it has no such number.
 */
export async function signalBefore(stores: OdooStores, door: DatabaseDoor, store: OdooStore): Promise<void> {
  const { database } = prepared(stores, store);
  const [own, live] = [await lastSignal(stores, database), await lastSignal(stores, store.database)];
  if (own !== undefined) await signal(stores, door, { name: database, database }, Math.max(own, live ?? 0) + BEYOND);
}

/** In what stood before, once it is back: what was taken away from its place was so far beyond it. While its tenant is held. */
export async function signalBack(stores: OdooStores, door: DatabaseDoor, store: OdooStore): Promise<void> {
  const own = await lastSignal(stores, store.database);
  if (own !== undefined) await signal(stores, door, store, own + 2 * BEYOND);
}

/** The door is closed afterwards. */
async function signal(stores: OdooStores, door: DatabaseDoor, store: OdooStore, next: number): Promise<void> {
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
