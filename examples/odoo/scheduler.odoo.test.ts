import { CronWorkers } from '@headgate/adapters/execution/odoo/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { odooMissing } from './testing/required.ts';
import { type Stand, stand } from './testing/stand.ts';

const missing = await odooMissing();

describe.skipIf(missing)('scheduled jobs', () => {
  let at: Stand;
  let workers: CronWorkers;

  beforeAll(async () => {
    at = await stand(['acme', 'other']);
    for (const store of at.stores.byName.values()) await at.door.open(store, 'blue');
    workers = new CronWorkers(at.stores, at.door);
  });
  afterAll(async () => {
    await workers?.ensure('blue', [], []);
    await workers?.ensure('green', [], []);
    await at?.remove();
  });

  const lastCall = async (database: string): Promise<number> =>
    withClient(await at.stores.cluster.connection(database), async (client) => {
      const { rows } = await client.query(
        `select coalesce(extract(epoch from max(lastcall)) * 1000, 0)::float8 as at from ir_cron`,
      );
      return rows[0].at;
    });
  /** Makes all jobs due again. */
  const due = async (database: string): Promise<void> =>
    withClient(await at.stores.cluster.connection(database), async (client) => {
      await client.query(
        `update ir_cron set nextcall = now() at time zone 'utc' - interval '1 minute', lastcall = null`,
      );
      await client.query(`select pg_notify('cron_trigger', $1)`, [database]);
    });

  test('run for the tenants of the slot, and for no other', async () => {
    await due('acme');
    await due('other');
    await workers.ensure('blue', [at.addons('19.0.1')], ['acme']);
    expect(await workers.serving('blue')).toEqual(['acme']);
    await expect.poll(() => lastCall('acme'), { timeout: 150_000, interval: 500 }).toBeGreaterThan(0);
    expect(await lastCall('other')).toBe(0);
  });

  test('are taken over by the other slot with the tenant', async () => {
    await workers.ensure('blue', [], []);
    expect(await workers.serving('blue')).toEqual([]);
    await at.door.open(at.stores.byName.get('acme')!, 'green');
    await due('acme');
    await workers.ensure('green', [at.addons('19.0.1')], ['acme']);
    await expect.poll(() => lastCall('acme'), { timeout: 150_000, interval: 500 }).toBeGreaterThan(0);
  });
});
