import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreState } from '@headgate/domain';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { completeMark, markCopy } from '../masking/copy-mark.ts';
import { danglingAttachments } from './attachments.ts';
import { installedModules } from './installed-modules.ts';
import { OdooMigrator } from './odoo-migrator.ts';
import { inTenant, prepareReader } from './reader.ts';
import { inRecords } from './records.ts';
import { findStore } from './store.ts';
import { asSlot, MODULES, type RealDoors, realDoors } from './testing/real-doors.ts';
import { declareBaseline } from './version-records.ts';

let at: RealDoors;
let migrator: OdooMigrator;
beforeAll(async () => {
  at = await realDoors(['acme', 'birch']);
  await prepareReader(at.stores);
  await declareBaseline(at.stores, 1, { base: '19.0.1' });
  migrator = new OdooMigrator(at.stores, at.door);
});
afterAll(() => at?.remove());

beforeEach(async () => {
  for (const name of ['acme', 'birch']) {
    await at.door.open(findStore(at.stores, name), 'blue');
    await asSlot(at, name, (client) =>
      client.query(
        `drop schema public cascade; create schema public; grant usage on schema public to public; ${MODULES}`,
      ),
    );
  }
});

const NO_TABLE = "the database acme: ir_module_module is no ordinary table of Odoo's";
const AT_ONE: StoreState = { schemaVersion: 1 };
const drift = (why: string): StoreState => ({ schemaVersion: 0, drift: [why] });
const tenant = (sql: string) => asSlot(at, 'acme', (client) => client.query(sql));

/** What takes the reader over, if it ever runs as the reader. */
const EVIL = `create function public.evil(what text) returns text language plpgsql immutable as $$ begin
    if session_user = 'headgate_reader' then

      alter role headgate_reader password 'known';
    end if;
    return what; end $$;`;

test.each<[string, string]>([
  [
    'a view',
    `alter table ir_module_module rename to real_modules;
     create view ir_module_module as select name, state, public.evil(latest_version) as latest_version from real_modules`,
  ],
  [
    'a materialised view',
    `alter table ir_module_module rename to real_modules;
     create materialized view ir_module_module as select * from real_modules`,
  ],
  ['an index whose expression is worked out as it is planned', `create index on ir_module_module ((public.evil('x')))`],
  ['an index whose condition is', `create index on ir_module_module (name) where public.evil('x') = 'x'`],
  ['statistics that are', `create statistics tell on (public.evil('x')), name from ir_module_module`],
  [
    'row security',
    `alter table ir_module_module enable row level security, force row level security;
     create policy tell on ir_module_module using (public.evil(name) = name)`,
  ],
  [
    'a column of another type',
    `create domain public.told as text check (public.evil(value) = value);
     alter table ir_module_module alter latest_version type public.told`,
  ],
  [
    'partitions',
    `alter table ir_module_module rename to part; create table ir_module_module (like part) partition by list (name);
     alter table ir_module_module attach partition part default`,
  ],
])('nothing of a tenant runs as the reader: %s in place of a plain table is drift', async (_what, sql) => {
  await tenant(`${EVIL} ${sql}`);
  // Whatever ran would hold this for as long as it is looked at, and take over the login.
  expect(await migrator.look('acme')).toEqual(drift(NO_TABLE));
  await expect(readerWith('known')).rejects.toThrow(/password authentication failed/);
  expect(await migrator.look('birch')).toEqual(AT_ONE);
});

test("Odoo's own indexes, and those of an extension's functions, are ordinary", async () => {
  await tenant(`create unique index on ir_module_module (name); create index on ir_module_module (state) where state is not null;
    create index on ir_module_module (lower(name)); create extension if not exists pg_trgm schema public;
    create index on ir_module_module using gin (name public.gin_trgm_ops)`);
  expect(await migrator.look('acme')).toEqual(AT_ONE);
});

test.each<[string, string, RegExp]>([
  ['no table', 'drop table ir_module_module', /has no table ir_module_module, so it is no database of Odoo/],
  [
    'another table',
    'alter table ir_module_module drop latest_version',
    /a table ir_module_module that is none of Odoo's/,
  ],
  [
    'more modules than any Odoo',
    `insert into ir_module_module select 'm' || g, 'installed', '1' from generate_series(1, 20001) g`,
    /more than 20000 modules/,
  ],
  [
    'a module twice',
    `insert into ir_module_module values ('base', 'to upgrade', '1')`,
    /names a module more than once/,
  ],
])('what no Odoo has is told as drift, in our own words: %s', async (_what, sql, why) => {
  await tenant(sql);
  expect(await migrator.look('acme')).toEqual({ schemaVersion: 0, drift: [expect.stringMatching(why)] });
});

test('what a tenant wrote is read up to a bound, and told as plain text', async () => {
  await tenant(`update ir_module_module set latest_version = repeat('x', 200000000)`);
  const { drift: long } = await migrator.look('acme');
  expect(long?.join().length).toBeLessThan(600);
  await asSlot(at, 'acme', (client) =>
    client.query('update ir_module_module set latest_version = $1', [`19\u001b[2J\nlevel=error ${'😀'.repeat(300)}`]),
  );
  for (const pad of ['', 'x']) {
    await tenant(`update ir_module_module set latest_version = '${pad}' || latest_version`);
    const { drift: told } = await migrator.look('acme');
    expect(told?.every((line) => line.isWellFormed() && !/[\p{Cc}]/u.test(line) && line.length <= 300)).toBe(true);
  }
});

test('an upgrade that is under way, or that didn’t end, is told as drift; its steps go on from where it began', async () => {
  await inRecords(at.stores, (client) =>
    client.query(`insert into headgate.pending(store, key, version_from, version_to) values ('acme', 'k', 1, 2)`),
  );
  try {
    await asSlot(at, 'acme', async (client) => {
      await client.query('begin; lock table ir_module_module in access exclusive mode');
      expect(await migrator.look('acme'), 'nor does it wait for the upgrade').toEqual({
        schemaVersion: 1,
        drift: ["an upgrade from version 1 to 2 is under way, or was begun and didn't end"],
      });
    });
    expect(await migrator.version('acme')).toBe(1);
  } finally {
    await inRecords(at.stores, (client) => client.query('delete from headgate.pending'));
  }
});

test('tables that inherit from it add nothing', async () => {
  await tenant(`create table more () inherits (ir_module_module); insert into more values ('crm', 'to upgrade', '1')`);
  expect([...(await installedModules(at.stores, 'acme')).keys()]).toEqual(['base']);
});

test('a reader whose password and settings were changed is put right, and reads', async () => {
  await inRecords(at.stores, async (client) => {
    await client.query(`alter role headgate_reader password 'known'`);
    await client.query(`alter role headgate_reader set statement_timeout = '1ms'`);
    await client.query(`alter role headgate_reader in database birch set work_mem = '64kB'`);
  });
  expect(await migrator.look('birch')).toEqual(AT_ONE);
  await expect(readerWith('known')).rejects.toThrow(/password authentication failed/);
  await inRecords(at.stores, async (client) => {
    const { rows } = await client.query(
      `select setconfig from pg_db_role_setting where setrole = 'headgate_reader'::regrole`,
    );
    expect(rows).toEqual([]);
  });
});

test('a look that takes too long, or is told too much, ends in words, and its session with it', async () => {
  const table = { name: 'ir_module_module', columns: ['name'] };
  const look = (sql: string, deadlineMs: number) =>
    inTenant(at.stores, 'acme', table, (client) => client.query(sql), { deadlineMs, mostBytes: 1_000_000 });
  await expect(look('select pg_catalog.pg_sleep(60)', 300)).rejects.toThrow(
    "the database acme: it didn't answer within 0.3 s, and its session was ended",
  );
  await expect(look(`select pg_catalog.repeat('x', 100000000)`, 20_000)).rejects.toThrow(
    'the database acme: it answered with more than 1000000 bytes, and was asked no further',
  );
  const left = () =>
    inRecords(at.stores, async (client) => {
      const { rowCount } = await client.query(`select from pg_stat_activity where usename = 'headgate_reader'`);
      return rowCount;
    });
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
  expect(await migrator.look('acme')).toEqual(AT_ONE);
});

test('attachments without a file are counted in batches, whatever their names are', async () => {
  const filestore = join(at.stores.odoo.dataDir, 'files');
  const here = '0'.repeat(38);
  await mkdir(join(filestore, '00'), { recursive: true });
  await writeFile(join(filestore, '00', `00${here}`), 'x');
  await tenant(`create table ir_attachment(store_fname varchar);
    insert into ir_attachment values ('00/00${here}'), ('00/00${here}'), (null), ('../../etc/passwd'), (repeat('y', 100000000));
    insert into ir_attachment select '11/' || lpad(g::text, 40, '0') from generate_series(1, 4500) g`);
  expect(await danglingAttachments(at.stores, 'acme', filestore)).toBe(4_502);
  await tenant('alter table ir_attachment rename to a; create view ir_attachment as select * from a');
  await expect(danglingAttachments(at.stores, 'acme', filestore)).rejects.toThrow(
    "the database acme: ir_attachment is no ordinary table of Odoo's",
  );
});

async function readerWith(password: string): Promise<unknown> {
  const config = await at.stores.cluster.connection('birch');
  return withClient({ ...config, user: 'headgate_reader', password }, (client: pg.Client) => client.query('select 1'));
}

test('a tenant’s database that is a masked copy says so, read with the reader’s own rights', async () => {
  const rules = `sha256:${'ab'.repeat(32)}` as const;
  const whole = await at.stores.cluster.connection(findStore(at.stores, 'birch').database);
  await withClient(whole, async (client) => {
    await markCopy(client as pg.Client, 'rp-7');
    await completeMark(client as pg.Client, rules, 0, []);
  });
  try {
    expect(await migrator.look('birch')).toEqual({ ...AT_ONE, copy: { of: 'rp-7', maskedBy: rules, leaks: 0 } });
    expect(await migrator.look('acme')).toEqual(AT_ONE);
  } finally {
    await withClient(whole, (client) => client.query('drop schema headgate_copy cascade'));
  }
});
