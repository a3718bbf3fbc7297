/** Databases that somebody else keeps, played by one that we keep and reach by its URL alone. */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migratorSuite } from '@headgate/testkit/execution/migrator-suite';
import { restorePointsSuite } from '@headgate/testkit/execution/restore-points-suite';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../postgres-cluster/database.ts';
import { SqlMigrator } from '../sql-migrator/sql-migrator.ts';
import { controlConnection, prepareStore } from '../store/store-session.ts';
import { externalDatabase } from '../testing/external-database.ts';
import { type RealStore, realStore } from '../testing/real-store.ts';
import { clientConfig, parseConnectionUrl } from './connection-url.ts';
import { DumpRestorePoints } from './dump-restore-points.ts';
import { type ExternalStore, openExternalStore } from './external-store.ts';
import { findTools } from './postgres-tools.ts';

let real: RealStore;
const tools = await findTools(15, undefined);

const fresh = (more?: (name: string) => string) => externalDatabase(real, more);

async function opened(): Promise<ExternalStore> {
  const { config } = await fresh();
  const store = await openExternalStore('main', config);
  await prepareStore(store);
  return store;
}

const asOwner = async (store: ExternalStore, sql: string): Promise<{ mark: string }[]> =>
  withClient(
    await store.cluster.connectionAs({ user: store.user, password: `plain-${store.user}` }, store.database),
    async (client) => (await client.query(sql)).rows,
  );

beforeAll(async () => {
  real = await realStore();
});
afterAll(() => real?.remove());

migratorSuite('An external database', async () => {
  const store = await opened();
  return {
    migrator: new SqlMigrator(new Map([['main', store]])),
    store: 'main',
    up: ['create table one(n int)', 'create table two(n int)'],
    down: 'drop table two',
  };
});

describe.skipIf(tools === undefined)('With pg_dump', () => {
  restorePointsSuite('An external database', async () => {
    const store = await opened();
    await asOwner(store, 'create table entry(mark text, n serial)');
    const folder = (id: string) => join(store.restorePointsDir, id);
    return {
      restorePoints: new DumpRestorePoints(new Map([['main', store]])),
      store: 'main',
      async write(mark) {
        await asOwner(store, `insert into entry(mark) values ('${mark}')`);
      },
      async marks() {
        return (await asOwner(store, 'select mark from entry order by n')).map(({ mark }) => mark);
      },
      spoil: (id) => truncate(join(folder(id), 'dump', 'toc.dat'), 10),
      spoilManifest: (id) => writeFile(join(folder(id), 'manifest.json'), '{}'),
    };
  });

  test('what a dump leaves out comes back, too: settings, rights, extensions, and who may not connect', async () => {
    const { config, name } = await fresh(
      (db) => `alter database ${db} set work_mem = '7MB'; alter database ${db} set search_path = public, "$user"`,
    );
    await withClient(await real.store.cluster.connection(name), async (client) => {
      await client.query(
        `revoke connect on database ${name} from public; create role reader_${name} login password 'x'; grant connect on database ${name} to reader_${name}`,
      );
    });
    const store = await openExternalStore('main', config);
    await prepareStore(store);
    await asOwner(
      store,
      `create function twice(n int) returns int immutable language sql as 'select n * 2'; create table t(n int check (twice(n) > 0)); insert into t values (1)`,
    );
    const before = await shape(store);
    const points = new DumpRestorePoints(new Map([['main', store]]));
    const taken = await points.take(
      'main',
      stepContext({ step: 'a', idempotencyKey: 'r1/a', fence: { epoch: 1, n: 1 } }),
    );
    await asOwner(store, 'delete from t');
    const ctx = stepContext({ step: 'b', idempotencyKey: 'r1/b', fence: { epoch: 1, n: 2 } });
    expect(await points.restore('main', taken.ok ? taken.value.id : '', { kind: 'restore-point' }, ctx)).toMatchObject({
      ok: true,
    });
    expect(await shape(store)).toEqual(before);
    expect(await asOwner(store, 'select n from t')).toEqual([{ n: 1 }]);
    const late = stepContext({ step: 'c', idempotencyKey: 'r1/c', fence: { epoch: 1, n: 1 } });
    const answer = await points.restore('main', taken.ok ? taken.value.id : '', { kind: 'restore-point' }, late);
    expect(answer, 'an older decision than the one that the replaced database saw').toMatchObject({
      ok: false,
      code: 'fenced',
    });
  });

  test('a store comes back also where adminUrl names its own database, which a restore renames', async () => {
    const { config, name } = await fresh();
    const { file } = config.adminUrl as { readonly file: string };
    const url = new URL((await readFile(file, 'utf8')).trim());
    url.pathname = `/${name}`;
    const own = join(real.dir, `${name}.own-url`);
    await writeFile(own, `${url}\n`, { mode: 0o600 });
    const store = await openExternalStore('main', { ...config, adminUrl: { file: own } });
    await prepareStore(store);
    await asOwner(store, 'create table t(n int)');
    const points = new DumpRestorePoints(new Map([['main', store]]));
    const at = (n: number) => stepContext({ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
    const taken = await points.take('main', at(1));
    await asOwner(store, 'insert into t values (1)');
    const id = taken.ok ? taken.value.id : '';
    expect(await points.restore('main', id, { kind: 'restore-point' }, at(2))).toMatchObject({ ok: true });
    expect(await asOwner(store, 'select * from t')).toEqual([]);
  });

  test('going back again and again leaves one database behind, and one login', async () => {
    const store = await opened();
    await asOwner(store, 'create table t(n int)');
    const points = new DumpRestorePoints(new Map([['main', store]]));
    const at = (n: number) => stepContext({ step: `s${n}`, idempotencyKey: `r1/s${n}`, fence: { epoch: 1, n } });
    const taken = await points.take('main', at(1));
    const id = taken.ok ? taken.value.id : '';
    for (const n of [2, 3, 4])
      expect(await points.restore('main', id, { kind: 'restore-point' }, at(n))).toMatchObject({ ok: true });
    const { rows } = await withClient(await store.cluster.controlConnection(), (client) =>
      client.query(
        `select datname, (select count(*)::int from pg_roles where rolname = 'headgate_migrator_' || d.oid) as logins
         from pg_database d where datname like $1 order by 1`,
        [`${store.database}%`],
      ),
    );
    expect(rows).toEqual([
      { datname: store.database, logins: 1 },
      { datname: `${store.database}__before`, logins: 1 },
    ]);
    const orphans = await withClient(await store.cluster.controlConnection(), (client) =>
      client.query(
        `select rolname from pg_roles where rolname like 'headgate_migrator_%'
         and not exists (select 1 from pg_database where rolname = 'headgate_migrator_' || oid)`,
      ),
    );
    expect(orphans.rows).toEqual([]);
  });

  test('a table of somebody else’s is told before anything is dumped', async () => {
    const store = await opened();
    await withClient(await controlConnection(store), (client) => client.query('create table public.foreigner(n int)'));
    const points = new DumpRestorePoints(new Map([['main', store]]));
    expect(await points.take('main', stepContext({}))).toMatchObject({
      ok: false,
      why: expect.stringContaining('public.foreigner'),
    });
  });
});

async function shape(store: ExternalStore): Promise<unknown> {
  return withClient(await controlConnection(store), async (client) => {
    const { rows } = await client.query(
      `select pg_encoding_to_char(encoding), datcollate, pg_get_userbyid(datdba), (select array_agg(x::text order by x::text) from unnest(datacl) x) as acl,
         (select array_agg(setconfig::text order by setrole) from pg_db_role_setting where setdatabase = oid and setrole = 0) as settings
       from pg_database where datname = current_database()`,
    );
    return { ...rows[0], acl: rows[0].acl?.filter((each: string) => !each.startsWith('headgate_migrator')) };
  });
}

describe('What can’t be taken under control says so in words', () => {
  const cases: [string, (name: string) => string, RegExp][] = [
    ['an application that is a superuser', (name) => `alter role ${name} superuser`, /logs in as a superuser/],
    [
      'a database of somebody else’s',
      (name) => `alter database ${name} owner to postgres`,
      /belongs to postgres.* alter database "shop\d+" owner to "shop\d+"/,
    ],
  ];
  test.each(cases)('%s', async (_what, sql, expected) => {
    const { config } = await fresh(sql);
    await expect(openExternalStore('main', config)).rejects.toThrow(expected);
  });

  test('an admin who isn’t one, and a variable that isn’t set', async () => {
    const { config } = await fresh();
    await expect(openExternalStore('main', { ...config, adminUrl: config.url })).rejects.toThrow(/no superuser/);
    await expect(openExternalStore('main', { ...config, url: { variable: 'HEADGATE_NOT_SET' } })).rejects.toThrow(
      /HEADGATE_NOT_SET is not set/,
    );
    await rm(config.url.file);
    await expect(openExternalStore('main', config)).rejects.toThrow(/ENOENT/);
  });

  const urls: [string, RegExp][] = [
    ['http://a:secret@b/c', /connection URL/],
    ['postgres://a:secret@b', /user and a database/],
    ['postgres://b/c', /user and a database/],
    ['postgres://a:secret@b/c?sslmode=wild', /sslmode/],
    ['secret', /connection URL/],
  ];
  test.each(urls)('the URL %s', (url, expected) => {
    expect(() => parseConnectionUrl(url, 'HERE')).toThrow(expected);
    expect(() => parseConnectionUrl(url, 'HERE')).not.toThrow(/secret/);
  });

  test('TLS is asked for as the URL says', () => {
    const ssl = (mode: string) => clientConfig(parseConnectionUrl(`postgres://a:b@c/d?sslmode=${mode}`, 'X')).ssl;
    expect([ssl('disable'), ssl('require'), ssl('verify-full')]).toEqual([
      undefined,
      { rejectUnauthorized: false },
      { rejectUnauthorized: true },
    ]);
  });
});
