/** For tests only: databases of tenants behind doors, on a real cluster, without an Odoo. */
import { join } from 'node:path';
import type pg from 'pg';
import { withClient } from '../../../postgres-cluster/database.ts';
import { realStore } from '../../testing/real-store.ts';
import { DatabaseDoor } from '../database-door.ts';
import { createDatabase } from '../dump.ts';
import { prepareRecords } from '../records.ts';
import type { OdooStores } from '../store.ts';

export const SLOTS = ['blue', 'green'] as const;

export interface RealDoors {
  readonly stores: OdooStores;
  readonly door: DatabaseDoor;
  remove(): Promise<void>;
}

export async function realDoors(names: readonly string[]): Promise<RealDoors> {
  const { dir, store, remove } = await realStore();
  const stores: OdooStores = {
    odoo: { dir, python: '/usr/bin/python3', dataDir: dir, dataView: dir, user: undefined },
    cluster: store.cluster,
    owner: 'odoo',
    byName: new Map(names.map((name) => [name, { name, database: name }])),
    dir: join(dir, 'headgate'),
    keep: 1,
  };
  await prepareRecords(stores);
  const door = new DatabaseDoor(stores);
  await door.prepare(SLOTS);
  for (const name of names) await createDatabase(stores, name, 'anew');
  return { stores, door, remove };
}

/** Something as a slot's processes could do it: with the owner's rights, in a database that is open for the slot. */
export async function asSlot<T>(
  { stores, door }: Pick<RealDoors, 'stores' | 'door'>,
  database: string,
  work: (client: pg.Client) => Promise<T>,
  slot: (typeof SLOTS)[number] = 'blue',
): Promise<T> {
  const { user, password } = await door.slotLogin(slot);
  return withClient({ ...(await stores.cluster.connection(database)), user, password }, work);
}

/** What is read of a tenant, as an Odoo would have it, at version 1. */
export const MODULES = `
  create table public.ir_module_module(name varchar not null, state varchar(16), latest_version varchar);
  insert into public.ir_module_module values ('base', 'installed', '19.0.1'), ('sale', 'uninstalled', null)`;
