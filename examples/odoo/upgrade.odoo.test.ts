import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  installedModules,
  OdooMigrator,
  OdooRestorePoints,
  odooEnvironment,
  runBounded,
  shellCommand,
  storeVersion,
} from '@headgate/adapters/execution/odoo/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { odooMissing } from './testing/required.ts';
import { type Stand, stand } from './testing/stand.ts';
import { stepWith, type Upgrade, upgradeOf } from './testing/upgrades.ts';

const missing = await odooMissing();

describe.skipIf(missing)('an Odoo tenant', () => {
  let at: Stand;
  let migrator: OdooMigrator;
  let points: OdooRestorePoints;
  let second: Upgrade;

  beforeAll(async () => {
    at = await stand(['acme', 'custom']);
    migrator = new OdooMigrator(at.stores, at.door);
    points = new OdooRestorePoints(at.stores, at.door);
    second = await upgradeOf({ from: 1, to: 2 }, { from: '19.0.1.0.1', to: '19.0.2.0.0' }, '19.0.2');
  });
  afterAll(() => at?.remove());

  const query = async (database: string, sql: string, values: unknown[] = []) =>
    withClient(await at.stores.cluster.connection(database), async (client) => (await client.query(sql, values)).rows);
  const versionOf = async (database: string) =>
    (await installedModules(at.stores, database)).get('headgate_ps')?.version;
  const up = (store: string, upgrade: Upgrade, more = {}) =>
    migrator.up(store, upgrade.migration, upgrade.text, stepWith(upgrade, more));

  test('begins at the version that its cell was brought up with, held', async () => {
    expect(await migrator.version('acme')).toBe(1);
    expect(await at.door.admitted(at.stores.byName.get('acme')!)).toEqual([]);
  });

  test('a module whose dependency is missing is refused before anything is touched', async () => {
    const broken = await upgradeOf({ from: 1, to: 2 }, { from: '19.0.1.0.1', to: '19.0.2.0.0' }, '19.0.2', (files) => {
      const manifest = files.get('headgate_ps/__manifest__.py')!.toString();
      const changed = manifest.replace(
        "'sale_timesheet']",
        "'sale_timesheet', 'l10n_nowhere'], 'external_dependencies': {'python': ['no-such-library']}",
      );
      files.set('headgate_ps/__manifest__.py', Buffer.from(changed));
    });
    const answer = await up('acme', broken);
    expect(answer).toMatchObject({ ok: false, code: 'rejected' });
    expect(answer).toMatchObject({ why: expect.stringContaining('needs the module l10n_nowhere') });
    expect(answer).toMatchObject({ why: expect.stringContaining('the Python library no-such-library') });
    expect(await migrator.version('acme')).toBe(1);
  });

  test('a module in Odoo’s data folder replaces none of the release, and is named before anything is touched', async () => {
    const { odoo } = at.stores;
    const shadow = join(odoo.dataDir, 'addons', '19.0', 'headgate_ps');
    await cp(join(at.addons('19.0.2'), 'headgate_ps'), shadow, { recursive: true });
    expect(await up('acme', second)).toMatchObject({
      ok: false,
      code: 'rejected',
      why: expect.stringMatching(
        /nothing was touched: .*data folder has a module headgate_ps of its own in addons\/19\.0/,
      ),
    });
    const login = await at.door.forAssignment(at.stores.byName.get('acme')!);
    const run = await runBounded({
      command: shellCommand(odoo, [at.addons('19.0.1')], 'acme'),
      environment: odooEnvironment(odoo, login),
      workDir: join(at.dir, 'shell'),
      user: odoo.user,
      deadlineMs: 60_000,
      signal: new AbortController().signal,
      input: 'import odoo.addons.headgate_ps as m\nprint("LOADED", m.__path__[0])\n',
      secrets: [login.password],
    });
    await at.door.endAssignments(at.stores.byName.get('acme')!);
    expect(run.output).toContain(`LOADED ${at.addons('19.0.1')}/headgate_ps`);
    await rm(join(odoo.dataDir, 'addons'), { recursive: true });
  });

  test('is upgraded by Odoo itself, once, and its modules say so', async () => {
    expect(await up('acme', second)).toEqual({ ok: true, value: { version: 2 } });
    expect(await versionOf('acme')).toBe('19.0.2.0.0');
    expect(await migrator.version('acme')).toBe(2);
    expect(await up('acme', second)).toEqual({ ok: true, value: { version: 2 } });
    // The migration kept what was billed, and asks for an approval of the rest.
    const [lines] = await query(
      'acme',
      `select count(*) filter (where ps_approval = 'approved')::int as approved,
      count(*) filter (where ps_approval = 'open')::int as open from account_analytic_line where date >= '2026-09-01' and name like 'Work of day%'`,
    );
    expect(lines).toEqual({ approved: 20, open: 10 });
    // All that it created belongs to the owner, and its login is gone.
    expect(
      await query(
        'acme',
        `select count(*)::int as n from pg_class where relowner <> 'odoo'::regrole and relnamespace = 'public'::regnamespace`,
      ),
    ).toEqual([{ n: 0 }]);
    expect(await query('acme', `select rolname from pg_roles where rolname like 'hg\\_%'`)).toEqual([]);
    expect(await migrator.version('custom')).toBe(1);
  });

  test('a later decision fences an earlier one off', async () => {
    expect(await up('acme', second, { fence: { epoch: 0, n: 1 } })).toMatchObject({ ok: false, code: 'fenced' });
  });

  test('an upgrade that meets a lock of a customer’s report says whose, and leaves the old version', async () => {
    const { cluster } = at.stores;
    await query('custom', `create role report login password 'report'`);
    await query(
      'custom',
      'grant connect on database custom to report; grant select on all tables in schema public to report',
    );
    const config = {
      ...(await cluster.connection('custom')),
      user: 'report',
      password: 'report',
      application_name: 'month-end report',
    };
    await withClient(config, async (report) => {
      await report.query('begin; select count(*) from account_analytic_line');
      const answer = await up('custom', second);
      expect(answer).toMatchObject({ ok: false, code: 'transient' });
      expect(answer).toMatchObject({ why: expect.stringContaining('of report (application "month-end report")') });
    });
    expect(await versionOf('custom')).toBe('19.0.1.0.1');
    expect(await storeVersion(at.stores, at.stores.byName.get('custom')!)).toMatchObject({ kind: 'half-way', from: 1 });
    expect(await up('custom', second)).toEqual({ ok: true, value: { version: 2 } });
  });

  test('an upgrade that hangs ends at its deadline, and a failing one says where', async () => {
    const planted = (body: string) =>
      upgradeOf({ from: 2, to: 3 }, { from: '19.0.2.0.0', to: '19.0.3.0.0' }, '19.0.3', (files) => {
        files.set(
          'headgate_ps/migrations/19.0.3.0.0/pre-planted.py',
          Buffer.from(`def migrate(cr, version):\n    ${body}\n`),
        );
      });
    const until = performance.now() + 9_000;
    const hangs = await up('acme', await planted(`cr.execute('select pg_sleep(600)')`), {
      remainingMs: () => until - performance.now(),
    });
    expect(hangs).toMatchObject({ ok: false, code: 'expired', why: expect.stringContaining("didn't end within") });
    const fails = await up('acme', await planted(`cr.execute('select nothing_at_all')`));
    expect(fails).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('nothing_at_all') });
    expect(fails).toMatchObject({ why: expect.stringContaining('at the module headgate_ps') });
    const full = await up('acme', await planted(`raise OSError(28, 'No space left on device')`));
    expect(full).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('the disk is full') });
    expect(await versionOf('acme')).toBe('19.0.2.0.0');
    await query('headgate', `delete from headgate.pending`);
  });

  test('goes back to its restore point, database and files together, and its neighbour stays', async () => {
    const taken = await points.take('acme', stepWith(second));
    if (!taken.ok) throw new Error(taken.why);
    expect(await points.verify('acme', taken.value.id, new AbortController().signal)).toMatchObject({ ok: true });
    const before = await query('acme', 'select count(*)::int as n, max(id) as max from account_move');
    const third = await upgradeOf({ from: 2, to: 3 }, { from: '19.0.2.0.0', to: '19.0.3.0.0' }, '19.0.3');
    expect(await up('acme', third)).toEqual({ ok: true, value: { version: 3 } });
    await query('acme', `delete from account_analytic_line`);
    const ctx = stepWith(second);
    expect(await points.restore('acme', taken.value.id, { kind: 'restore-point' }, ctx)).toEqual({
      ok: true,
      value: { schemaVersion: 2 },
    });
    expect(await migrator.version('acme')).toBe(2);
    expect(await query('acme', 'select count(*)::int as n, max(id) as max from account_move')).toEqual(before);
    expect(await migrator.version('custom')).toBe(2);
    await query('acme', `update res_partner set name = 'kept'  where id = 1`);
    expect(await points.restore('acme', taken.value.id, { kind: 'restore-point' }, ctx)).toMatchObject({ ok: true });
    expect(await query('acme', `select name from res_partner where id = 1`)).toEqual([{ name: 'kept' }]);
  });

  test('whoever acts as the owner of a tenant’s database gets no superuser’s hands, read or restored', async () => {
    const { cluster, owner } = at.stores;
    // As the owner, which any module's code is: functions that note as whom they run, in a view and in a check.
    await withClient({ ...(await cluster.connection('custom')), options: `-c role=${owner}` }, async (client) => {
      await client.query(`create table public.seen(who text)`);
      await client.query(`create function public.note() returns int language plpgsql security invoker as $$
        begin
          if current_setting('is_superuser') = 'on' then
            execute 'alter role ${owner} superuser';
          end if;
          return 1;
        end $$`);
      await client.query(`create table public.checked(x int, check (public.note() = x))`);
      await client.query(`insert into public.checked values (1)`);
      await client.query(`alter table public.ir_attachment rename to ir_attachment_real`);
      await client.query(
        `create view public.ir_attachment as select * from public.ir_attachment_real where public.note() = 1`,
      );
      await client.query(`alter table public.ir_module_module rename to ir_module_module_real`);
      await client.query(
        `create view public.ir_module_module as select * from public.ir_module_module_real where public.note() = 1`,
      );
    });
    await at.door.close(at.stores.byName.get('custom')!);
    await storeVersion(at.stores, at.stores.byName.get('custom')!);
    const taken = await points.take('custom', stepWith(second));
    if (taken.ok) await points.restore('custom', taken.value.id, { kind: 'restore-point' }, stepWith(second));
    expect(await query('postgres', `select rolsuper from pg_roles where rolname = $1`, [owner])).toEqual([
      { rolsuper: false },
    ]);
    await withClient({ ...(await cluster.connection('custom')), options: `-c role=${owner}` }, async (client) => {
      await client.query('drop view public.ir_attachment, public.ir_module_module');
      await client.query(`alter table public.ir_attachment_real rename to ir_attachment`);
      await client.query(`alter table public.ir_module_module_real rename to ir_module_module`);
    });
  });

  test('somebody who upgraded by hand is noticed', async () => {
    await query('custom', `update ir_module_module set latest_version = '19.0.2.0.9' where name = 'headgate_ps'`);
    await expect(migrator.version('custom')).rejects.toThrow(/has drifted.*19\.0\.2\.0\.9/);
  });
});
