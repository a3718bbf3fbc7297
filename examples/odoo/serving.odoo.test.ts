import { readFile } from 'node:fs/promises';
import { HttpChecks } from '@headgate/adapters/execution/http-checks/http-checks';
import { OdooMigrator } from '@headgate/adapters/execution/odoo/index';
import { tenantHost } from '@headgate/adapters/execution/odoo/odoo-cell';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { readYaml } from '@headgate/documents/yaml/read-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { odooMissing } from './testing/required.ts';
import { type ServingSlot, serve, tokensFile } from './testing/serving.ts';
import { type Stand, stand } from './testing/stand.ts';
import { stepWith, upgradeOf } from './testing/upgrades.ts';

const missing = await odooMissing();

describe.skipIf(missing)('Odoo serving its tenants from two slots', () => {
  let at: Stand;
  let blue: ServingSlot;
  let green: ServingSlot;
  let verification: unknown;
  let tokens: string;

  beforeAll(async () => {
    at = await stand(['acme', 'custom']);
    for (const store of at.stores.byName.values()) await at.door.open(store, 'blue');
    [blue, green] = [await serve(at, 'blue', '19.0.1'), await serve(at, 'green', '19.0.2')];
    const file = new URL('headgate/verification.yaml', import.meta.url);
    const read = readYaml(await readFile(file, 'utf8'), 'verification.yaml');
    verification = read.ok ? read.documents[0]!.value : read;
    tokens = await tokensFile(at);
  });
  afterAll(async () => {
    await blue?.stop();
    await green?.stop();
    await at?.remove();
  });

  const check = (slot: ServingSlot, tenant: string) =>
    new HttpChecks({ baseUrl: slot.url, tenantTokensFile: tokens, hostOf: tenantHost }).run(
      verification,
      tenant,
      'any',
      {
        signal: new AbortController().signal,
      },
    );
  const query = async (database: string, sql: string) =>
    withClient(await at.stores.cluster.connection(database), async (client) => (await client.query(sql)).rows);
  const up = async (
    tenant: string,
    n: { from: number; to: number },
    versions: { from: string; to: string },
    addons: string,
  ) => {
    const upgrade = await upgradeOf(n, versions, addons);
    return new OdooMigrator(at.stores, at.door).up(tenant, upgrade.migration, upgrade.text, stepWith(upgrade));
  };

  test('a tenant does its business in the slot that its database is open for', async () => {
    expect(await check(blue, 'acme')).toEqual({ ok: true, passed: 3 });
    expect(await check(blue, 'custom')).toEqual({ ok: true, passed: 3 });
    expect(
      await query(
        'acme',
        `select state, journal_id = (select id from account_journal where code = 'CHK') as own from account_move order by id desc limit 1`,
      ),
    ).toEqual([{ state: 'cancel', own: true }]);
  });

  test('the other slot answers its health check, and reaches no tenant of this one', async () => {
    expect((await fetch(`${green.url}/web/health?db_server_status=1`)).ok).toBe(true);
    expect(await check(green, 'acme')).toMatchObject({ ok: false, check: 'code-fits-database/log-in' });
  });

  test('code that does not fit its database says so, where the health check passes', async () => {
    const acme = at.stores.byName.get('acme')!;
    await at.door.open(acme, 'green');
    expect(await check(green, 'acme')).toMatchObject({ ok: false, check: 'code-fits-database/versions' });
    await at.door.open(acme, 'blue');
    expect(await check(blue, 'acme')).toEqual({ ok: true, passed: 3 });
  });

  test('while one tenant is upgraded its neighbour does its business, and then it does its own on the new code', async () => {
    const acme = at.stores.byName.get('acme')!;
    await at.door.close(acme);
    expect((await check(blue, 'acme')).ok).toBe(false);
    const upgrading = up('acme', { from: 1, to: 2 }, { from: '19.0.1.0.1', to: '19.0.2.0.0' }, '19.0.2');
    expect(await check(blue, 'custom')).toEqual({ ok: true, passed: 3 });
    expect(await upgrading).toEqual({ ok: true, value: { version: 2 } });
    await at.door.open(acme, 'green');
    expect(await check(green, 'acme')).toEqual({ ok: true, passed: 3 });
    expect(await check(blue, 'custom')).toEqual({ ok: true, passed: 3 });
  });

  test('19.0.3 breaks posting for the tenant with a reference of its own, and for no other', async () => {
    await green.stop();
    green = await serve(at, 'green', '19.0.3');
    for (const [tenant, n] of [
      ['acme', 2],
      ['custom', 1],
    ] as const) {
      const store = at.stores.byName.get(tenant)!;
      await at.door.close(store);
      if (n === 1)
        expect(await up(tenant, { from: 1, to: 2 }, { from: '19.0.1.0.1', to: '19.0.2.0.0' }, '19.0.2')).toMatchObject({
          ok: true,
        });
      expect(await up(tenant, { from: 2, to: 3 }, { from: '19.0.2.0.0', to: '19.0.3.0.0' }, '19.0.3')).toMatchObject({
        ok: true,
      });
      await at.door.open(store, 'green');
    }
    expect(await check(green, 'acme')).toEqual({ ok: true, passed: 3 });
    expect(await check(green, 'custom')).toMatchObject({ ok: false, check: 'time-to-journal/post' });
  });
});
