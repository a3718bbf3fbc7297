/**
 * Upgrades that can't be carried out, each through the whole control plane: it ends within its deadline, says why in words
 * that an Odoo administrator understands, and the tenant serves again, at the version and the next number that it had.
 */
import { spawnSync } from 'node:child_process';
import { chown, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { runAs } from '@headgate/adapters/machine/run-as';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { attachResult, registerRelease } from '@headgate/example-psa/demo/releases.ts';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { odooRelease, schemaOf } from './build.ts';
import { type Company, foundCompany } from './demo/company.ts';
import { runModuleTests } from './demo/module-tests.ts';
import { promote } from './demo/story.ts';
import { numbersWrong, postInvoice, tenantState } from './demo/tenant-state.ts';
import { odooDocuments } from './documents.ts';
import { odooMissing } from './testing/required.ts';

const missing = await odooMissing();
/** What one attempt at an upgrade may take here; the example allows five minutes. */
const MIGRATE_MS = 20_000;
const ATTEMPTS = 2;
const TENANT = 'rehearsal';

describe.skipIf(missing)('an upgrade that can’t be carried out', () => {
  let company: Company;
  let mounted: string | undefined;

  beforeAll(async () => {
    const documents = odooDocuments().map(({ file, text }) => ({
      file,
      text: text
        .replaceAll('migrate: 300000', `migrate: ${MIGRATE_MS}`)
        .replaceAll('attempts: 3', `attempts: ${ATTEMPTS}`),
    }));
    company = await foundCompany((line) => console.error(line), { documents });
  });
  afterAll(async () => {
    if (mounted !== undefined) spawnSync('umount', [mounted]);
    await company?.remove();
  });

  const staging = () => company.world.example.cells.find(({ cell }) => cell.environment === 'staging')!;
  const admin = async (work: (client: pg.Client) => Promise<unknown>) =>
    withClient(await staging().stores.cluster.connection(TENANT), work);

  /** Promotes 19.0.2 with files changed, expects it back, and answers what was said of the failure. */
  async function fails(change: (files: Map<string, Buffer>) => void): Promise<string> {
    const { telling, world } = company;
    const before = await tenantState(staging(), TENANT);
    const number = await postInvoice(staging(), TENANT);
    const ref = await registerRelease(world, await odooRelease('19.0.2', change));
    const { log, ...run } = await runModuleTests(world.example, '19.0.2');
    await attachResult(world, await world.client('developer'), 'odoo@19.0.2', ref, log, run);
    const { result, id, from, to } = await promote(telling, ref, 'staging');
    expect(result).toBe('rolled-back');
    // Each attempt within its time, then the way back.
    expect(to - from).toBeLessThan(ATTEMPTS * MIGRATE_MS + 120_000);
    const after = await tenantState(staging(), TENANT);
    expect({ database: after.moduleVersion, code: after.codeVersion }).toEqual({
      database: schemaOf('19.0.1').module,
      code: schemaOf('19.0.1').module,
    });
    expect(after.attachments).toEqual(before.attachments);
    const next = await postInvoice(staging(), TENANT);
    expect(Number(/\d+$/.exec(next)?.[0])).toBe(Number(/\d+$/.exec(number)?.[0]) + 1);
    expect(await numbersWrong(staging(), TENANT)).toEqual([]);
    const auditor = await world.client('auditor');
    const { because } = await auditor.call('showPromotion', { promotion: id });
    const entries: { readonly bytes: string }[] = [];
    for (;;) {
      const page = await auditor.call('logEntries', { from: entries.length, limit: 1_000 });
      if (page.entries.length === 0) break;
      entries.push(...page.entries);
    }
    const told = entries
      .map(
        (e) =>
          JSON.parse(Buffer.from(e.bytes, 'base64').toString('utf8')) as { stream: string; data: { why?: string } },
      )
      .filter(({ stream, data }) => stream.startsWith(`rollout/${id}`) && data.why !== undefined)
      .map(({ data }) => data.why);
    return [because, ...told].join('\n');
  }

  const migrating = (body: string) => (files: Map<string, Buffer>) =>
    void files.set(
      'headgate_ps/migrations/19.0.2.0.0/pre-planted.py',
      Buffer.from(`def migrate(cr, version):\n    ${body}\n`),
    );

  test('since a module needs one that isn’t there: refused before anything is touched', async () => {
    const why = await fails((files) => {
      const name = 'headgate_ps/__manifest__.py';
      const text = files.get(name)!.toString('utf8');
      const changed = text.replace(/(['"]depends['"]\s*:\s*\[)/, "$1'acme_connector', ");
      expect(changed).not.toBe(text);
      files.set(name, Buffer.from(changed));
    });
    expect(why).toContain("the module headgate_ps needs the module acme_connector, which isn't in the addons path");
    expect(why).toContain('nothing was touched');
  }, 600_000);

  test('since it hangs: stopped at its deadline, with the script that it was at', async () => {
    const why = await fails(migrating("cr.execute('select pg_sleep(600)')"));
    expect(why).toMatch(/the upgrade didn't end within \d+ s and was stopped at the module headgate_ps/);
  }, 600_000);

  test('since a customer’s long report holds a lock: says whose', async () => {
    await admin(async (client) => {
      await client.query(`create role report login password 'report'`);
      await client.query(`grant connect on database ${TENANT} to report`);
      await client.query('grant select on all tables in schema public to report');
    });
    const connection = await staging().stores.cluster.connection(TENANT);
    const as = { ...connection, user: 'report', password: 'report', application_name: 'month-end report' };
    const why = await withClient(as, async (report) => {
      await report.query('begin; select count(*) from account_analytic_line');
      const said = await fails(() => {}).finally(() => report.query('rollback').catch(() => {}));
      return said;
    });
    expect(why).toContain('of report (application "month-end report")');
    expect(why).toContain('end that work');
  }, 600_000);

  test('since the disk is full: says so, whether PostgreSQL or Odoo meets it', async () => {
    const user = runAs();
    const folder = join(await realpath(join(company.world.dataDir, 'system')), 'small');
    await mkdir(folder, { recursive: true });
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'headgate-small', folder]);
    if (mount.status !== 0) throw new Error(`no small disk can be made here: ${mount.stderr}`);
    mounted = folder;
    if (user) await chown(folder, user.uid, user.gid);
    const { owner } = staging().stores;
    await admin((client) => client.query(`create tablespace small owner ${owner} location '${folder}'`));
    const filling = `create table filling tablespace small as select repeat('x', 900) from generate_series(1, 200000)`;
    expect(await fails(migrating(`cr.execute("${filling}")`))).toContain('the disk is full: make room');
    expect(await fails(migrating(`open('/dev/full', 'wb', 0).write(b'x')`))).toContain('the disk is full: make room');
  }, 900_000);
});
