/** What Headgate made goes out of a database, whole or not at all, and nothing else does: on a real PostgreSQL 15. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestFor, stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { publishWorkerRoutes } from '../router/worker-routes.ts';
import { SqlMigrator } from '../sql-migrator/sql-migrator.ts';
import { controlConnection, prepareStore } from '../store/store-session.ts';
import { externalDatabase } from '../testing/external-database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { claimStore, ownClaim, StoreTaken, standingOf, whoseStore } from './claim.ts';
import { DumpRestorePoints } from './dump-restore-points.ts';
import { type ExternalStore, openExternalStore } from './external-store.ts';
import { databaseToLeave, dropAside, isLeft, leaveDatabase, leavingsOf } from './leave.ts';
import { findTools } from './postgres-tools.ts';

let real: RealStore;
let cellDir: string;
const tools = await findTools(15, undefined);

beforeAll(async () => {
  real = await realStore();
  cellDir = await mkdtemp(join(tmpdir(), 'headgate-leave-'));
});
afterAll(async () => {
  await real?.remove();
  if (cellDir !== undefined) await rm(cellDir, { recursive: true, force: true });
});

const admin = async <T extends object>(database: string, sql: string): Promise<T[]> =>
  withClient(await real.store.cluster.connection(database), async (client) => (await client.query<T>(sql)).rows ?? []);

/** Everything that we could have changed: schemas with their owners and rights, roles, memberships, the database's own. */
async function shape(database: string): Promise<unknown> {
  const [row] = await admin(
    database,
    `select (select json_agg(row(nspname, nspowner::regrole, nspacl::text, obj_description(oid, 'pg_namespace')) order by 1) from pg_namespace where nspname !~ '^pg_(toast_)?temp') as schemas,
       (select json_agg(row(oid::regclass::text, relowner::regrole, relacl::text) order by 1) from pg_class where relnamespace = 'public'::regnamespace) as tables,
       (select json_agg(rolname order by 1) from pg_roles where rolname like '%' || current_database() or rolname = 'headgate_migrator_' || (select oid from pg_database where datname = current_database())) as roles,
       (select json_agg(row(roleid::regrole, member::regrole) order by 1) from pg_auth_members where roleid = (select datdba from pg_database where datname = current_database())) as members,
       (select row(datdba::regrole, (select array_agg(x::text order by x::text) from unnest(datacl) x), shobj_description(oid, 'pg_database'))::text from pg_database where datname = current_database()) as database,
       (select json_agg(setconfig) from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())) as settings`,
  );
  return row;
}

async function taken(): Promise<{
  store: ExternalStore;
  before: unknown;
  at: Awaited<ReturnType<typeof databaseToLeave>>;
}> {
  const { name, config } = await externalDatabase(real, (db) => `grant connect on database ${db} to public`);
  await admin(name, `set role ${name}; create table orders(n int); insert into orders values (1)`);
  const before = await shape(name);
  const store = await openExternalStore('main', config);
  await prepareStore(store);
  await claimStore(store, await ownClaim({ cell: 'shop', dir: cellDir }));
  return { store, before, at: await databaseToLeave(config) };
}

/** What a control plane leaves behind: a migration, fences, routes. */
async function worked(store: ExternalStore): Promise<void> {
  const migrator = new SqlMigrator(new Map([['main', store]]));
  const sql = 'alter table orders add column note text';
  const file = { name: '1.sql', digest: digestFor(sql), size: sql.length };
  const migration = { id: '1-note', from: 0, to: 1, phase: 'expand', file } as const;
  const ctx = stepContext({ step: 'a', idempotencyKey: 'r1/a', fence: { epoch: 1, n: 1 } });
  expect(await migrator.up('main', migration, sql, ctx)).toMatchObject({ ok: true });
  expect(await publishWorkerRoutes(store, new Map([['shop', 'blue']]), ctx)).toBe(true);
}

test('a database is as it was before Headgate came, at the schema where its releases brought it; again there is nothing', async () => {
  const { store, before, at } = await taken();
  await worked(store);
  const [found, ...others] = await leavingsOf(at);
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    database: store.database,
    tables: ['attempt', 'claim', 'fence', 'migration', 'permit', 'route'],
    login: expect.stringMatching(/^headgate_migrator_\d+$/),
    refused: [],
  });
  expect(isLeft(found!)).toBe(false);
  await leaveDatabase(at, false, found?.standing.claim);
  expect(await shape(store.database)).toEqual(before);
  expect(await admin(store.database, 'select n, note from orders')).toEqual([{ n: 1, note: null }]);
  expect(isLeft((await leavingsOf(at))[0]!)).toBe(true);
  await leaveDatabase(at, false, undefined);
  // And whoever comes next finds it nobody's.
  expect(await standingOf(store)).toEqual({ schema: 'none', claim: undefined, decided: false });
});

describe('what isn’t ours is refused by its name, and nothing is removed', () => {
  const cases: [string, (name: string, login: string) => string, RegExp][] = [
    [
      'a schema headgate that a superuser made',
      () => 'comment on schema headgate is null',
      /its schema headgate isn’t Headgate’s/,
    ],
    [
      'a schema headgate of the owner',
      (name) => `alter schema headgate owner to ${name}`,
      /its schema headgate isn’t Headgate’s/,
    ],
    [
      'a table in ours',
      () => 'create table headgate.ledger(n int)',
      /stands what Headgate didn’t make: table headgate\.ledger/,
    ],
    [
      'a function in ours',
      () => `create function headgate.sum() returns int language sql as 'select 1'`,
      /function headgate\.sum\(\)/,
    ],
    ['a type in ours', () => `create type headgate.mood as enum ('a')`, /type headgate\.mood/],
    [
      'a table of the role',
      (_, login) => `create table public.theirs(n int); alter table public.theirs owner to ${login}`,
      /the role headgate_migrator_\d+ owns what Headgate didn’t make: table public\.theirs/,
    ],
    [
      'a member of the role',
      (name, login) => `create role friend_${name}; grant ${login} to friend_${name}`,
      /made friend_shop\d+ a member of the role headgate_migrator_\d+/,
    ],
    [
      'a view of somebody’s on what we wrote down',
      (name) => `set role ${name}; create view public.versions as select version from headgate.migration`,
      /somebody made what stands on Headgate’s own.*: view public\.versions \(on table headgate\.migration\)\. Drop that first/,
    ],
    [
      'a column of our rows’ type',
      () => 'create table public.kept(was headgate.route[])',
      /table public\.kept \(on type headgate\.route\[\]\)/,
    ],
    [
      'a default by a function of ours',
      () => 'create table public.kept(was boolean default headgate.enter_migration())',
      /default value for column was of table public\.kept \(on function headgate\.enter_migration\(\)\)/,
    ],
    [
      'a foreign key on a table of ours',
      () => 'create table public.kept(tenant text references headgate.route)',
      /constraint kept_tenant_fkey on table public\.kept \(on (index|table|constraint) /,
    ],
    [
      'a migration half way',
      () =>
        `insert into headgate.attempt(direction, version_from, version_to, digest, key) values ('up', 1, 2, 'd', 'k')`,
      /a migration up from 1 to 2 was begun/,
    ],
  ];
  test.each(cases)('%s', async (_what, sql, expected) => {
    const { store, at } = await taken();
    const login = (await leavingsOf(at))[0]!.login!;
    await admin(store.database, sql(store.user, login));
    const before = await shape(store.database);
    expect((await leavingsOf(at))[0]?.refused).toEqual([expect.stringMatching(expected)]);
    await expect(leaveDatabase(at, false, (await standingOf(store)).claim)).rejects.toThrow(expected);
    expect(await shape(store.database)).toEqual(before);
  });

  test('what the role owns in another database', async () => {
    const { store, at } = await taken();
    const login = (await leavingsOf(at))[0]!.login!;
    const other = await externalDatabase(real);
    await admin(other.name, `create table t(n int); alter table t owner to ${login}`);
    expect((await leavingsOf(at))[0]?.refused).toEqual([
      expect.stringContaining(`something in database ${other.name}`),
    ]);
    await expect(leaveDatabase(at, false, (await standingOf(store)).claim)).rejects.toThrow(
      /owns what Headgate didn’t make/,
    );
    expect((await standingOf(store)).schema).toBe('ours');
  });

  test('while a migration is under way', async () => {
    const { store, at } = await taken();
    const { claim } = await standingOf(store);
    await withClient(await controlConnection(store), async (client) => {
      await client.query(`select pg_advisory_lock(hashtext('headgate.migration'))`);
      await expect(leaveDatabase(at, false, claim)).rejects.toThrow(/a migration is under way there/);
    });
    expect((await standingOf(store)).schema).toBe('ours');
  });
});

test('a database belongs to the first that claims it, and another folder is another installation', async () => {
  const { store } = await taken();
  const elsewhere = await mkdtemp(join(tmpdir(), 'headgate-leave-other-'));
  const other = await ownClaim({ cell: 'shop', dir: elsewhere });
  const claim = await claimStore(store, other);
  await rm(elsewhere, { recursive: true });
  expect(claim).toMatchObject({
    cell: 'shop',
    folder: cellDir,
    id: (await ownClaim({ cell: 'shop', dir: cellDir })).id,
  });
  expect(claim.id).not.toBe(other.id);
});

test('a claim is bound to its database: in a copy it is nobody’s; one of before that is valid, and bound by its own cell', async () => {
  const { store } = await taken();
  const copy = { ...store, database: `${store.database}_copy` };
  await admin('postgres', `create database ${copy.database} template ${store.database} owner ${store.user}`);
  const folder = await mkdtemp(join(tmpdir(), 'headgate-leave-other-'));
  const other = await ownClaim({ cell: 'shop', dir: folder });
  const cell = { dir: folder, id: other.id, known: false };
  expect((await standingOf(copy)).claim).toMatchObject({ folder: cellDir, here: false });
  expect(await whoseStore(await standingOf(copy), cell)).toBe('copy');
  expect(await whoseStore(await standingOf(store), cell)).toBe('other');
  expect(await claimStore(copy, other)).toMatchObject({ ...other, here: true });
  expect((await standingOf(store)).claim).toMatchObject({ folder: cellDir, here: true });
  await admin(store.database, 'alter table headgate.claim drop column place');
  expect(await whoseStore(await standingOf(store), cell)).toBe('other');
  await admin(store.database, 'alter table headgate.claim add column place text');
  expect(await claimStore(store, other)).toMatchObject({ folder: cellDir });
  await claimStore(store, await ownClaim({ cell: 'shop', dir: cellDir }));
  expect(await admin(store.database, 'select place is not null as bound from headgate.claim')).toEqual([
    { bound: true },
  ]);
  await rm(folder, { recursive: true });
});

test.each(['German', 'SQL, DMY', 'Postgres, DMY'])(
  'since when it is taken is said, however the owner writes dates: %s',
  async (style) => {
    const { store } = await taken();
    const before = (await standingOf(store)).claim?.since.getTime();
    for (const [name, value] of [
      ['datestyle', style],
      ['timezone', 'Asia/Tokyo'],
    ])
      await admin('postgres', `alter database ${store.database} set ${name} = '${value}'`);
    const { claim } = await standingOf(store);
    expect(claim?.since.getTime()).toBe(before);
    expect(new StoreTaken(store, claim).message).toMatch(/, since \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
    const asked = `select timestamptz '2026-02-03 04:05:06+00' as moment, bytea '\\x00ff' as bytes`;
    const rows = await withClient(await controlConnection(store), async (client) => (await client.query(asked)).rows);
    expect(rows).toEqual([{ moment: new Date('2026-02-03T04:05:06Z'), bytes: Buffer.from([0, 255]) }]);
  },
);

test('what another installation claimed since it was looked at stays, also while it does so', async () => {
  const { store, at } = await taken();
  const [looked] = await leavingsOf(at);
  await leaveDatabase(at, false, looked?.standing.claim);
  const [nothing] = await leavingsOf(at);
  await prepareStore(store);
  const elsewhere = await mkdtemp(join(tmpdir(), 'headgate-leave-other-'));
  const other = await ownClaim({ cell: 'other', dir: elsewhere });
  await rm(elsewhere, { recursive: true });
  await claimStore(store, other);
  for (const seen of [looked, nothing])
    await expect(leaveDatabase(at, false, seen?.standing.claim)).rejects.toThrow(
      /is under control of another installation of Headgate: cell other .*, since it was looked at; nothing was removed there/,
    );
  expect((await standingOf(store)).claim).toMatchObject(other);
  // The claim is written and not yet committed as the removal looks for the first time, without waiting.
  await admin(store.database, 'delete from headgate.claim');
  await withClient(await controlConnection(store), async (client) => {
    await client.query('begin');
    await client.query(`insert into headgate.claim(id, cell, folder, machine) values ('b', 'other', '/b', 'm')`);
    const removal = leaveDatabase(at, false, undefined).then(
      () => 'removed',
      (error: Error) => error.message,
    );
    const waits = `select 1 from pg_locks where not granted and relation = 'headgate.claim'::regclass`;
    await expect.poll(() => admin(store.database, waits)).toHaveLength(1);
    await client.query('commit');
    expect(await removal).toMatch(/is under control of .* cell other in \/b on m/);
  });
  expect((await standingOf(store)).schema).toBe('ours');
});

test.skipIf(tools === undefined)('what a restore put aside stays without what is ours, until it is named', async () => {
  const { store, at, before } = await taken();
  await worked(store);
  const points = new DumpRestorePoints(new Map([['main', store]]));
  const on = (n: number) => stepContext({ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
  const point = await points.take('main', on(2));
  const id = point.ok ? point.value.id : '';
  expect(await points.restore('main', id, { kind: 'restore-point' }, on(3))).toMatchObject({ ok: true });
  // The claim came along.
  expect((await standingOf(store)).claim).toMatchObject({ folder: cellDir, here: true });
  const aside = `${store.database}__before`;
  const found = await leavingsOf(at);
  expect(found.map(({ database, aside: put, comment }) => [database, put, comment])).toEqual([
    [store.database, false, true],
    [aside, true, false],
  ]);
  const [claim, asideClaim] = found.map(({ standing }) => standing.claim);
  await leaveDatabase(at, false, claim);
  await leaveDatabase({ ...at, database: aside }, true, asideClaim);
  expect(await admin(aside, 'select n from orders')).toEqual([{ n: 1 }]);
  const roles = await admin(
    aside,
    `select rolname from pg_roles where rolname = any(array(select 'headgate_migrator_' || oid from pg_database where datname like '${store.database}%'))`,
  );
  expect(roles).toEqual([]);
  expect(((await shape(store.database)) as { database: string }).database).toBe(
    (before as { database: string }).database,
  );
  await dropAside({ ...at, database: aside }, undefined);
  expect((await leavingsOf(at)).map(({ database }) => database)).toEqual([store.database]);
});

test('a database that is only called like one that was put aside is nobody’s to drop', async () => {
  const { store, at } = await taken();
  const named = `${store.database}__before`;
  await admin('postgres', `create database ${named} owner ${store.user}`);
  expect((await leavingsOf(at)).map(({ database }) => database)).toEqual([store.database]);
  await expect(dropAside({ ...at, database: named }, undefined)).rejects.toThrow(/isn’t one that Headgate put aside/);
  await expect(leaveDatabase({ ...at, database: named }, true, undefined)).rejects.toThrow(
    /isn’t one that Headgate put aside/,
  );
});

test('a copy that a person made under such a name is nobody’s to drop; a person’s comment on one put aside stays', async () => {
  const { store, at } = await taken();
  const named = { ...at, database: `${store.database}__before` };
  await admin('postgres', `create database ${named.database} template ${store.database} owner ${store.user}`);
  const { claim } = await standingOf(named);
  await expect(dropAside(named, claim)).rejects.toThrow(/isn’t one that Headgate put aside/);
  const elsewhere = await mkdtemp(join(tmpdir(), 'headgate-leave-other-'));
  await claimStore(named, await ownClaim({ cell: 'other', dir: elsewhere }));
  await rm(elsewhere, { recursive: true });
  await expect(dropAside(named, claim)).rejects.toThrow(/is under control of .* cell other .*since it was looked at/);
  await admin('postgres', `comment on database ${named.database} is 'keep until the audit'`);
  await leaveDatabase(named, true, (await standingOf(named)).claim);
  const said = `select shobj_description(oid, 'pg_database') as said from pg_database where datname = current_database()`;
  expect(await admin(named.database, said)).toEqual([{ said: 'keep until the audit' }]);
});
