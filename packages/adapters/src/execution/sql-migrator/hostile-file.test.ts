/** What a file that a trusted key sealed can't do all the same: see index.ts for why. */
import { createHash } from 'node:crypto';
import type { MigrationRef } from '@headgate/domain';
import { stepContext } from '@headgate/testkit/execution/step-context';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureDatabase, withClient } from '../../postgres-cluster/database.ts';
import { publishWorkerRoutes, readWorkerRoutes } from '../router/worker-routes.ts';
import { closeMigrationLogin, openMigrationLogin } from '../store/migration-login.ts';
import { controlConnection, prepareStore, withoutTimeouts } from '../store/store-session.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { SqlMigrator } from './sql-migrator.ts';

let real: RealStore;
let migrator: SqlMigrator;
beforeAll(async () => {
  real = await realStore();
  migrator = new SqlMigrator(new Map([['main', real.store]]));
  await up('create table customer(id int primary key); insert into customer values (1)');
});
afterAll(() => real?.remove());

let n = 0;
function migration(from: number, sql: string): MigrationRef {
  const digest = `sha256:${createHash('sha256').update(sql).digest('hex')}` as const;
  return { id: `m${from + 1}`, from, to: from + 1, phase: 'expand', file: { name: 'a.sql', digest, size: sql.length } };
}
const context = (more = {}) => stepContext({ fence: { epoch: 1, n: ++n }, ...more });
/** Runs a file as the next version. */
async function up(sql: string, more = {}) {
  const from = await migrator.version('main');
  return migrator.up('main', migration(from, sql), sql, context(more));
}
async function down(sql: string) {
  const to = await migrator.version('main');
  const [made] = await ask(`select digest from headgate.migration where version = ${to}`);
  const back = migration(to - 1, sql);
  return migrator.down('main', { ...back, up: { ...back.file, digest: made.digest } }, sql, context());
}
const ask = async (sql: string) =>
  withClient(await controlConnection(real.store), async (client) => (await client.query(sql)).rows);
/** All that a file could want to change, besides the application's data. */
const kept = async () => ({
  roles: await ask(
    `select rolname, rolsuper, rolcreaterole, rolcanlogin, rolpassword is null as shut from pg_authid order by 1`,
  ),
  settings: await ask('select setdatabase, setrole, setconfig from pg_db_role_setting order by 1, 2'),
  members: await ask(
    'select roleid::regrole::text, member::regrole::text, admin_option from pg_auth_members order by 1',
  ),
  fence: await ask(`select scope, epoch from headgate.fence`),
  migrations: await ask('select version, digest from headgate.migration order by 1'),
  permits: await ask('select * from headgate.permit'),
  routes: await ask('select * from headgate.route'),
  own: await ask(
    `select oid::regprocedure::text, md5(prosrc) from pg_proc where pronamespace = 'headgate'::regnamespace order by 1`,
  ),
  sessions: await ask(`select usename from pg_stat_activity where usename like 'headgate%'`),
});

describe.each(['reset role', 'set role none', 'set session authorization default', 'set local role none'])(
  'who says %s is the migrations’ login, and',
  (back) => {
    test.each([
      ['make a superuser', 'create role intruder superuser login'],
      ['start a program', `copy (select 1) to program 'true'`],
      ['read the server’s files', `select pg_read_file('PG_VERSION')`],
      ['read passwords', 'select rolpassword from pg_authid'],
      ['become the superuser', 'set role postgres'],
      ['become the superuser for the session', 'set session authorization postgres'],
    ])('can not %s', async (_what, sql) => {
      const before = await kept();
      expect(await up(`${back}; ${sql}`)).toMatchObject({ ok: false, code: 'rejected' });
      expect(await kept()).toEqual(before);
    });
  },
);

test.each([
  'update headgate.fence set epoch = 0',
  `insert into headgate.fence values ('cell:other', 9, 9)`,
  'select * from headgate.fence for update',
  'delete from headgate.migration',
  `insert into headgate.migration values (99, 'x', 'x', 'x')`,
  `update headgate.route set slot = 'green'`,
  'select secret from headgate.permit',
  'update headgate.permit set version_to = 99',
  `select headgate.record_migration('')`,
  'select headgate.record_migration(null)',
  `create or replace function headgate.enter_migration() returns boolean language sql as 'select true'`,
  'create table headgate.mine(x int)',
  'create trigger t before insert on headgate.migration for each row execute function suppress_redundant_updates_trigger()',
  'create rule r as on insert to headgate.migration do instead nothing',
  'create table pin(v int references headgate.migration)',
  'alter table headgate.fence disable trigger all',
  'drop schema headgate cascade',
  'create event trigger e on ddl_command_start execute function suppress_redundant_updates_trigger()',
  'set session_replication_role = replica',
  'alter role app createrole',
  'alter role current_user login',
  `alter system set max_connections = 1`,
  `alter database app set session_preload_libraries = 'x'`,
])('neither role of a file may: %s', async (sql) => {
  const before = await kept();
  for (const role of ['', 'reset role; '])
    expect(await up(`${role}${sql}`), role).toMatchObject({ ok: false, code: 'rejected' });
  expect(await kept()).toEqual(before);
});

test('the way down is no other way', async () => {
  await up('create table second(x int)');
  const before = await kept();
  expect(await down('reset role; create role intruder superuser')).toMatchObject({ ok: false, code: 'rejected' });
  expect(await down('drop table second; commit')).toMatchObject({ ok: false, code: 'rejected' });
  expect(await kept()).toEqual(before);
  expect(await down('drop table second')).toMatchObject({ ok: true });
});

test.each([
  'commit',
  'commit; begin',
  'rollback; begin',
  'savepoint a; rollback to savepoint a',
  `prepare transaction 'later'`,
  'do $$ begin commit; end $$',
  'create procedure p() language plpgsql as $$ begin commit; end $$; call p()',
])('a file that controls its transaction leaves nothing: %s', async (sql) => {
  const before = await kept();
  const answer = await up(`create table sneaky(x int); ${sql}`);
  expect(answer).toMatchObject({ ok: false, code: 'rejected' });
  if (!sql.startsWith('create'))
    expect(answer).toMatchObject({ why: expect.stringContaining('controls its transaction') });
  expect(await ask(`select to_regclass('public.sneaky') as there`)).toEqual([{ there: null }]);
  expect(await kept()).toEqual(before);
});

test('shadows of our names, and calls of our own functions, change nothing about what is recorded', async () => {
  const at = await migrator.version('main');
  const sql = `
    create temp table migration(version int); create temp table permit(secret bytea);
    create function pg_temp.sha256(bytea) returns bytea language sql as 'select null::bytea';
    create schema shadow; create function shadow.max(int) returns int language sql as 'select 40';
    set search_path = shadow, pg_temp, public, pg_catalog;
    set transform_null_equals = on; set plpgsql.extra_errors = 'all'; set synchronous_commit = off;
    reset role; select headgate.enter_migration(); select headgate.enter_migration();
    select pg_advisory_lock(1); listen later;`;
  expect(await up(sql)).toEqual({ ok: true, value: { version: at + 1 } });
  expect(await ask('select max(version) as v from headgate.migration')).toEqual([{ v: at + 1 }]);
});

test('a record is made by who knows the secret, in the transaction that holds the fence, as permitted, and once', async () => {
  const at = await migrator.version('main');
  await ask(`insert into headgate.permit(secret, scope, epoch, n, direction, version_from, version_to, id, digest, applied_by)
    select sha256('right'), scope, epoch, n, 'up', ${at}, ${at + 1}, 'm', 'sha256:m', 'r1/s1' from headgate.fence`);
  const [login] = await ask(`select rolname as user from pg_roles where rolname like 'headgate%'`);
  await withClient(await controlConnection(real.store), async (control) => {
    const password = await openMigrationLogin(control, login.user);
    const connection = { ...(await real.store.cluster.connection('app')), user: login.user, password };
    await withClient(connection, async (client) => {
      const record = (secret: string) => client.query('select headgate.record_migration($1)', [secret]);
      const refused = /not the migration that was permitted/;
      await expect(record('right'), 'never entered').rejects.toThrow(refused);
      await client.query('begin; select headgate.enter_migration(); commit');
      await expect(record('right'), 'entered in another transaction').rejects.toThrow(refused);
      await client.query('begin; select headgate.enter_migration()');
      await expect(record('wrong'), 'another secret').rejects.toThrow(refused);
      await client.query('rollback; begin; select headgate.enter_migration()');
      await record('right');
      await expect(record('right'), 'a second time').rejects.toThrow(refused);
      await client.query('rollback');
      await control.query('update headgate.fence set n = n + 1');
      const { rows } = await client.query('select headgate.enter_migration() as entered');
      expect(rows, 'under a later decision').toEqual([{ entered: false }]);
    });
    await closeMigrationLogin(control, login.user);
  });
  n++;
  expect(await migrator.version('main')).toBe(at);
});

test('our sessions don’t follow what the owner sets for the database, however hostile', async () => {
  const trap = `
    create schema trap; create table trap.caught(who text); grant all on trap.caught to public; grant usage on schema trap to public;
    create function trap.hashtext(text) returns int language plpgsql as $$ begin
      insert into trap.caught values (current_user); return 1; end $$;
    create function trap.max_int(int, int) returns int language plpgsql as $$ begin
      insert into trap.caught values (current_user); return 1; end $$;
    create aggregate trap.max(int) (sfunc = trap.max_int, stype = int);
    alter database app set search_path = trap, pg_catalog;
    alter database app set role = 'app';
    alter database app set default_transaction_read_only = on;
    alter database app set statement_timeout = 1;
    alter database app set default_transaction_isolation = serializable;`;
  expect(await up(trap)).toMatchObject({ ok: true });
  const at = await migrator.version('main');
  expect(await up('create table public.after_trap(x int)')).toEqual({ ok: true, value: { version: at + 1 } });
  await prepareStore(real.store);
  expect(await ask(`select who from trap.caught where who <> 'app'`)).toEqual([]);
  await withClient(await real.store.cluster.connection(), (client) => client.query('alter database app reset all'));
});

test('no timeout that a file sets for the database ends our sessions, nor those of later files', async () => {
  const known = await ask(`select name from pg_settings where name like '%timeout' and context = 'user'
    and name ~ '^(statement|lock|transaction|idle_session|idle_in_transaction_session)_timeout$' order by 1`);
  expect((await withoutTimeouts(real.store.cluster)).match(/\w+(?==0)/g)?.sort()).toEqual(
    known.map(({ name }) => name),
  );
  expect(await up(known.map(({ name }) => `alter database app set ${name} = 1`).join('; '))).toMatchObject({
    ok: true,
  });
  for (let i = 0; i < 20; i++) {
    const ctx = { cell: 'other', fence: { epoch: 1, n: ++n } };
    expect(await publishWorkerRoutes(real.store, new Map([['ada', `slot${i}`]]), ctx)).toBe(true);
    expect((await readWorkerRoutes(real.store)).get('ada')).toBe(`slot${i}`);
    expect(await up('select pg_sleep(0.01)')).toMatchObject({ ok: true });
  }
  await prepareStore(real.store);
  await withClient(await real.store.cluster.connection(), (client) => client.query('alter database app reset all'));
  await ask(`delete from headgate.route; delete from headgate.fence where scope = 'cell:other'`);
});

test.each([
  ['13', 'idle_in_transaction_session_timeout lock_timeout statement_timeout'],
  ['14', 'idle_in_transaction_session_timeout idle_session_timeout lock_timeout statement_timeout'],
  ['17', 'idle_in_transaction_session_timeout idle_session_timeout lock_timeout statement_timeout transaction_timeout'],
])('of PostgreSQL %s, no timeout is named that it doesn’t know', async (version, names) => {
  expect((await withoutTimeouts({ major: async () => Number(version) })).match(/\w+(?==0)/g)?.sort()).toEqual(
    names.split(' '),
  );
});

test('a file that never ends, and hears no timeout, is ended from outside', async () => {
  const before = await kept();
  const deaf = `set statement_timeout = 0; set client_connection_check_interval = 0;
    do $$ begin loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop; end $$`;
  const from = performance.now();
  expect(await up(deaf, { remainingMs: () => 300 })).toMatchObject({ ok: false, code: 'expired' });
  expect(performance.now() - from).toBeLessThan(10_000);
  expect(await kept()).toEqual(before);
});

test('an assignment that is taken back takes its migration along', async () => {
  const before = await kept();
  const over = new AbortController();
  const running = up('select pg_sleep(60)', { signal: over.signal });
  await expect
    .poll(() => ask(`select 1 from pg_stat_activity where usename like 'headgate%' and query like '%run_migration%'`))
    .toHaveLength(1);
  over.abort();
  expect(await running).toMatchObject({ ok: false, code: 'expired' });
  expect(await kept()).toEqual(before);
});

test('what waits for the commit can make it fail, and change nothing of ours', async () => {
  const before = await kept();
  for (const late of [
    `raise 'no'`,
    'delete from headgate.migration',
    `perform headgate.record_migration('x')`,
    'commit',
  ]) {
    const sql = `
      create function late() returns trigger language plpgsql as $$ begin ${late}; return null; end $$;
      create constraint trigger t after insert on customer deferrable initially deferred for each row execute function late();
      insert into customer values (2)`;
    expect(await up(sql), late).toMatchObject({ ok: false, code: 'rejected' });
  }
  expect(await kept()).toEqual(before);
  expect(await ask('select * from public.customer')).toEqual([{ id: 1 }]);
});

test('a password, a setting and a right that a file gave the login, or took from it, are gone before the next', async () => {
  const known = `
    create function leave() returns trigger language plpgsql as $$ begin
      drop owned by current_user; return null; end $$;
    create constraint trigger t after insert on customer deferrable initially deferred for each row execute function leave();
    reset role; alter role current_user password 'known'; alter role current_user set role = 'app';
    alter role current_user in database app set search_path = evil; set role app; insert into customer values (3)`;
  expect(await up(known)).toMatchObject({ ok: true });
  const [login] = await ask(`select rolname as user from pg_roles where rolname like 'headgate%'`);
  const connection = { ...(await real.store.cluster.connection('app')), user: login.user, password: 'known' };
  await expect(withClient(connection, async () => {})).rejects.toThrow(/password|not permitted to log in/);
  expect(await ask('select 1 from pg_db_role_setting where setrole <> 0')).toEqual([]);
  expect(await up('drop trigger t on customer')).toMatchObject({ ok: true });
});

test('what a killed attempt left running is ended by the next one, and by whoever prepares the store', async () => {
  for (const next of [() => up('select 1'), () => prepareStore(real.store)]) {
    const [login] = await ask(`select rolname as user from pg_roles where rolname like 'headgate%'`);
    const password = await withClient(await controlConnection(real.store), (control) =>
      openMigrationLogin(control, login.user),
    );
    const orphan = new pg.Client({ ...(await real.store.cluster.connection('app')), user: login.user, password });
    orphan.on('error', () => {});
    await orphan.connect();
    const left = orphan.query('select pg_sleep(60)').catch((error) => error.code);
    await next();
    expect(await left).toBe('57P01');
    expect((await kept()).sessions).toEqual([]);
  }
});

test.each(['createrole', 'superuser', 'replication'])('nothing is run for an owner with %s', async (right) => {
  const super_ = (sql: string) => ask(sql);
  await super_(`alter role app ${right}`);
  const answer = await up('create table never(x int)');
  await super_(`alter role app no${right}`);
  expect(answer).toMatchObject({ ok: false, code: 'rejected', why: expect.stringContaining('take that right away') });
  expect(await ask(`select to_regclass('public.never') as there`)).toEqual([{ there: null }]);
});

test('a store that an older version prepared is brought to this one, and keeps its record', async () => {
  const at = await migrator.version('main');
  await ask(`drop function headgate.enter_migration, headgate.record_migration, headgate.run_migration`);
  await ask(`drop table headgate.permit`);
  await ask(`comment on schema headgate is 'Headgate''s own; of an older version'`);
  expect(await up('create table modern(x int)')).toEqual({ ok: true, value: { version: at + 1 } });
});

test('a schema headgate that the application made is not ours', async () => {
  const { cluster, user, passwordFile } = real.store;
  const store = { ...real.store, database: 'taken' };
  await ensureDatabase(cluster, { database: 'taken', user, passwordFile });
  await withClient(await cluster.connection('taken'), (client) =>
    client.query('create schema headgate authorization app'),
  );
  await expect(prepareStore(store)).rejects.toThrow(/schema headgate that belongs to app/);
});
