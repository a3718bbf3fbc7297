import type { Migrator } from '@headgate/execution';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withClient } from '../postgres-cluster/database.ts';
import { type CellPorts, observeCell } from './cell.ts';
import { OdooMigrator } from './odoo/odoo-migrator.ts';
import { prepareReader } from './odoo/reader.ts';
import { findStore } from './odoo/store.ts';
import { asSlot, MODULES, type RealDoors, realDoors } from './odoo/testing/real-doors.ts';
import { declareBaseline } from './odoo/version-records.ts';

let at: RealDoors;
let migrator: Migrator;
beforeAll(async () => {
  at = await realDoors(['acme', 'birch', 'cedar']);
  await prepareReader(at.stores);
  await declareBaseline(at.stores, 1, { base: '19.0.1' });
  migrator = new OdooMigrator(at.stores, at.door);
  for (const name of ['acme', 'birch', 'cedar']) {
    await at.door.open(findStore(at.stores, name), 'blue');
    await asSlot(at, name, (client) => client.query(MODULES));
  }
});
afterAll(() => at?.remove());

/** A cell of stores alone. */
const cell = (): CellPorts =>
  ({
    config: { cell: 'shared', environment: 'production', application: 'odoo', tenants: {} },
    target: { slots: [] },
    traffic: { read: async () => [] },
    operations: { closed: async () => [] },
    migrator,
  }) as unknown as CellPorts;
const stores = async () => (await observeCell(cell())).stores;

test('a store that can’t be looked at has drifted, in our words; the others are told of as they are', async () => {
  await withClient(await at.stores.cluster.connection(), async (client) => {
    await client.query('alter database acme allow_connections false');
  });
  await asSlot(at, 'birch', async (client) => {
    await client.query('begin; lock table public.ir_module_module in access exclusive mode');
    expect(await stores()).toEqual({
      acme: { schemaVersion: 0, drift: ["its database can't be looked at (PostgreSQL's error 55000)"] },
      birch: { schemaVersion: 0, drift: ["its database can't be looked at (PostgreSQL's error 55P03)"] },
      cedar: { schemaVersion: 1 },
    });
  });
}, 40_000);

test('of a cluster that can’t be reached nothing is told', async () => {
  await at.stores.cluster.stop();
  try {
    await expect(stores()).rejects.toThrow(/ECONNREFUSED/);
  } finally {
    await at.stores.cluster.start();
  }
}, 40_000);

test('nor while its server goes down', async () => {
  const down = Object.assign(new pg.DatabaseError('terminating connection', 10, 'error'), { code: '57P01' });
  migrator = { stores: ['acme'], look: () => Promise.reject(down) } as unknown as Migrator;
  await expect(stores()).rejects.toBe(down);
});
