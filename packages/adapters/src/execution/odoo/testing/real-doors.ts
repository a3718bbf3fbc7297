/** For tests only: databases of tenants behind doors, on a real cluster, without an Odoo. */
import { join } from 'node:path';
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
