import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OdooMigrator } from '@headgate/adapters/execution/odoo/index';
import { tenantHost } from '@headgate/adapters/execution/odoo/odoo-cell';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eachWorkflow, OWN, PROFESSIONAL_SERVICES, verificationIn } from './testing/business.ts';
import { odooMissing } from './testing/required.ts';
import { type ServingSlot, serve, tokensFile } from './testing/serving.ts';
import { type Stand, stand } from './testing/stand.ts';
import { stepWith, upgradeOf } from './testing/upgrades.ts';

const missing = await odooMissing();
const TO_TWO = [{ from: 1, to: 2 }, { from: '19.0.1.0.1', to: '19.0.2.0.0' }, '19.0.2'] as const;
const TO_THREE = [{ from: 2, to: 3 }, { from: '19.0.2.0.0', to: '19.0.3.0.0' }, '19.0.3'] as const;
/** The chains, each of which has to find out by itself what is wrong. */
const OURS = ['time-to-journal', 'time-to-journal-by-xml-rpc'] as const;
const GENERAL = ['services-by-json-2', 'services-by-xml-rpc'] as const;

describe.skipIf(missing)('business transactions by JSON-2 and by XML-RPC', () => {
  let at: Stand;
  let blue: ServingSlot;
  let green: ServingSlot;
  let tokens: string;
  let own: VerificationContent;
  let general: VerificationContent;

  beforeAll(async () => {
    at = await stand(['acme', 'custom']);
    for (const store of at.stores.byName.values()) await at.door.open(store, 'blue');
    [blue, green] = [await serve(at, 'blue', '19.0.1'), await serve(at, 'green', '19.0.2')];
    tokens = await tokensFile(at);
    [own, general] = [await verificationIn(OWN), await verificationIn(PROFESSIONAL_SERVICES)];
  });
  afterAll(async () => {
    await blue?.stop();
    await green?.stop();
    await at?.remove();
  });

  const check = async (slot: ServingSlot, tenant: string, withTokens = tokens) => {
    const where = { url: slot.url, tokens: withTokens, hostOf: tenantHost };
    return new Map([...(await eachWorkflow(own, where, tenant)), ...(await eachWorkflow(general, where, tenant))]);
  };
  const query = async (database: string, sql: string) =>
    withClient(await at.stores.cluster.connection(database), async (client) => (await client.query(sql)).rows);
  /** What each of the chains failed at. */
  const failedAt = (results: Awaited<ReturnType<typeof check>>, chains: readonly string[]) =>
    chains.map((chain) => {
      const result = results.get(chain);
      return result && !result.ok ? result.check : 'passed';
    });
  const sound = async (slot: ServingSlot, tenant: string) => {
    for (const [chain, result] of await check(slot, tenant))
      expect({ chain, result }).toEqual({ chain, result: { ok: true, passed: 1 } });
  };
  const up = async (tenant: string, ...[n, versions, addons]: typeof TO_TWO | typeof TO_THREE) => {
    const upgrade = await upgradeOf(n, versions, addons);
    const answer = await new OdooMigrator(at.stores, at.door).up(
      tenant,
      upgrade.migration,
      upgrade.text,
      stepWith(upgrade),
    );
    expect(answer).toMatchObject({ ok: true });
  };

  test('pass on a sound tenant, cancel what they posted, and use no number of a customer’s', async () => {
    const numbers = `select count(*)::int as n, max(m.sequence_number) as last from account_move m
      join account_journal j on j.id = m.journal_id where j.code = 'INV'`;
    const before = await query('acme', numbers);
    await sound(blue, 'acme');
    expect(await query('acme', numbers)).toEqual(before);
    expect(
      await query(
        'acme',
        `select m.state, count(*)::int as n from account_move m
        join account_journal j on j.id = m.journal_id where j.code = 'CHK' group by m.state`,
      ),
    ).toEqual([{ state: 'cancel', n: 4 }]);
    expect(await query('acme', `select count(*)::int as n from sale_order where state <> 'cancel'`)).toEqual([
      { n: 0 },
    ]);
  });

  test('find new code on a database that was not upgraded, where the health check passes', async () => {
    const acme = at.stores.byName.get('acme')!;
    await at.door.open(acme, 'green');
    expect((await fetch(`${green.url}/web/health?db_server_status=1`)).ok).toBe(true);
    const results = await check(green, 'acme');
    expect(failedAt(results, [...OURS, ...GENERAL])).not.toContain('passed');
    expect(failedAt(results, ['code-fits-database'])).toEqual(['code-fits-database/versions']);
    await at.door.open(acme, 'blue');
  });

  test('find a user whose key is not taken, and say nothing of the key', async () => {
    const wrong = join(at.dir, 'wrong-tokens.json');
    const key = '0123456789abcdef0123456789abcdef01234567';
    await writeFile(wrong, JSON.stringify({ acme: key }), { mode: 0o600 });
    const results = await check(blue, 'acme', wrong);
    expect(failedAt(results, [...OURS, ...GENERAL])).toEqual([
      'time-to-journal/customer',
      'time-to-journal-by-xml-rpc/log-in',
      'services-by-json-2/log-in',
      'services-by-xml-rpc/log-in',
    ]);
    expect(JSON.stringify([...results])).not.toContain(key);
  });

  test('find a tenant that the slot is held from', async () => {
    const results = await check(green, 'custom');
    expect(failedAt(results, [...OURS, ...GENERAL])).not.toContain('passed');
  });

  test('find a posting that fails, and one that leaves an entry out of balance', async () => {
    const trigger = (body: string) => `create or replace function public.sabotage() returns trigger language plpgsql as
      $$ begin ${body}; return null; end $$`;
    await query('acme', trigger(`raise exception 'sabotage'`));
    // As late as may be, so that no check of Odoo's own comes after it.
    await query(
      'acme',
      `create constraint trigger sabotage after update of state on account_move
      deferrable initially deferred for each row when (new.state = 'posted') execute function public.sabotage()`,
    );
    const failing = await check(blue, 'acme');
    expect(failedAt(failing, [...OURS, ...GENERAL])).toEqual([...OURS, ...GENERAL].map((chain) => `${chain}/post`));
    await query(
      'acme',
      trigger(`update public.account_move_line set balance = balance - 0.01, credit = credit + 0.01
      where move_id = new.id and credit > 0`),
    );
    const unbalanced = await check(blue, 'acme');
    expect(failedAt(unbalanced, [...OURS, ...GENERAL])).toEqual(
      [...OURS, ...GENERAL].map((chain) => `${chain}/balance`),
    );
    await query('acme', 'drop trigger sabotage on account_move');
    await sound(blue, 'acme');
  });

  test('pass after an upgrade, and find that 19.0.3 breaks posting for who has a reference of its own', async () => {
    const custom = at.stores.byName.get('custom')!;
    await at.door.close(custom);
    await up('custom', ...TO_TWO);
    await at.door.open(custom, 'green');
    await sound(green, 'custom');
    await at.door.close(custom);
    await up('custom', ...TO_THREE);
    await green.stop();
    green = await serve(at, 'green', '19.0.3');
    await at.door.open(custom, 'green');
    const results = await check(green, 'custom');
    expect(failedAt(results, OURS)).toEqual(['time-to-journal/post', 'time-to-journal-by-xml-rpc/post']);
    expect(results.get('time-to-journal-by-xml-rpc')).toMatchObject({
      why: "the call failed with the fault 1: KeyError 'customer'",
    });
  });
});
