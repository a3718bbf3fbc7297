/**
 * A release for one tenant of a shared Odoo: it alone is away, and gets it; its neighbours are served all the time, and
 * their databases aren't touched. And a tenant that somebody upgraded by hand: it is told, and not built upon.
 */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { ReleaseRef } from '@headgate/domain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MODULE, schemaOf } from './build.ts';
import { type Company, foundCompany } from './demo/company.ts';
import { startCustomers } from './demo/customers.ts';
import { linesByTenant, met } from './demo/journal-figures.ts';
import { promote, release } from './demo/story.ts';
import { postInvoice, tenantState } from './demo/tenant-state.ts';
import { odooMissing } from './testing/required.ts';

const missing = await odooMissing();

describe.skipIf(missing)('one tenant of a shared Odoo', () => {
  let company: Company;
  let good: ReleaseRef;

  beforeAll(async () => {
    company = await foundCompany((line) => console.error(line));
    good = await release(company.telling, '19.0.2');
    expect((await promote(company.telling, good, 'staging')).result).toBe('promoted');
  });
  afterAll(() => company?.remove());

  const moduleOf = async (tenant: string) => (await tenantState(company.production, tenant)).moduleVersion;
  const tenants = () => company.production.cell.tenants.map(({ id }) => id);
  const asked = async (tenants?: string[]) => {
    const developer = await company.world.client('developer');
    const body = { release: good.digest, environment: 'production', ...(tenants && { tenants }) };
    return developer.call('planPromotion', { body }).then(
      ({ text }) => text,
      (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
    );
  };

  test('gets a release alone, while its neighbours are served without an error', async () => {
    const { production, telling, world } = company;
    const before = new Map<string, number>();
    for (const tenant of tenants()) before.set(tenant, (await tenantState(production, tenant)).databaseOid);
    const pace = { readsPerSecond: 3, writesPerSecond: 1 };
    const load = await startCustomers([production], join(world.dataDir, 'load'), pace);
    await sleep(3_000);
    const { result, from, to } = await promote(telling, good, 'production', ['birch']);
    await sleep(2_000);
    await load.stop();
    expect(result).toBe('promoted');
    const lines = await linesByTenant(load.journalFile);
    for (const tenant of tenants()) {
      const { requests, turnedAway, failed, failures, downtimeMs } = met(lines.get(tenant) ?? [], { from, to });
      expect({ tenant, failed, failures }).toEqual({ tenant, failed: 0, failures: [] });
      expect(requests, tenant).toBeGreaterThan(10);
      if (tenant === 'birch') expect(downtimeMs).toBeGreaterThan(0);
      else expect({ tenant, turnedAway }).toEqual({ tenant, turnedAway: 0 });
      const state = await tenantState(production, tenant);
      const { module } = schemaOf(tenant === 'birch' ? '19.0.2' : '19.0.1');
      expect({ tenant, database: state.moduleVersion, code: state.codeVersion }).toEqual({
        tenant,
        database: module,
        code: module,
      });
      expect(state.databaseOid).toBe(before.get(tenant));
      await postInvoice(production, tenant);
    }
    const shown = await (await world.client('auditor')).call('showRelease', { digest: good.digest });
    expect(shown.promoted.map(({ environment }) => environment)).toEqual(['staging']);
  }, 600_000);

  test('that somebody upgraded by hand is told, and nobody builds upon it until it is put right', async () => {
    const { production, world } = company;
    const by = async (version: string) =>
      withClient(await production.stores.cluster.connection('cedar'), (client) =>
        client.query('update public.ir_module_module set latest_version = $2 where name = $1', [MODULE, version]),
      );
    const auditor = await world.client('auditor');
    const drift = async () =>
      (await auditor.call('status')).cells.find(({ name }) => name === production.cell.cell)?.drift;
    await by('19.0.1.7.7');
    await expect.poll(drift, { timeout: 30_000 }).toMatchObject([{ store: 'cedar' }]);
    expect((await drift())?.[0]?.why).toContain('19.0.1.7.7');
    expect(await asked()).toMatch(/^drifted: .*19\.0\.1\.7\.7/s);
    expect(await asked(['cedar', 'dogwood'])).toMatch(/^drifted/);
    expect(await asked(['dogwood'])).toMatch(/Only for +dogwood/);
    await by(schemaOf('19.0.1').module);
    await expect.poll(drift, { timeout: 30_000 }).toEqual([]);
    expect(await asked()).toMatch(/Promote odoo 19\.0\.2 to production/);
  }, 120_000);

  test('is followed by the others, and then the environment has the release', async () => {
    const { telling, world } = company;
    expect((await promote(telling, good, 'production', ['aspen', 'dogwood', 'cedar'])).result).toBe('promoted');
    const { module } = schemaOf('19.0.2');
    for (const tenant of tenants()) expect(await moduleOf(tenant)).toBe(module);
    const shown = await (await world.client('auditor')).call('showRelease', { digest: good.digest });
    expect(shown.promoted.map(({ environment }) => environment)).toEqual(['staging', 'production']);
  }, 600_000);
});
