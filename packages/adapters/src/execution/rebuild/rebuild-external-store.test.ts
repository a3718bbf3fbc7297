/** A store on somebody else's server, made anew on another one: never from what isn't as it was promised, never over what somebody has there. */
import { chmod, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExercisedStore } from '@headgate/domain';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readSecret } from '../../machine/durable-file.ts';
import type { PostgresMajor } from '../../postgres-cluster/programs.ts';
import { type DrilledWorld, drilledWorld } from '../drill/testing/drilled-world.ts';
import { readConnectionUrl } from '../external-store/connection-url.ts';
import { DumpRestorePoints } from '../external-store/dump-restore-points.ts';
import { type ExternalStoreConfig, openExternalStore } from '../external-store/external-store.ts';
import { findTools } from '../external-store/postgres-tools.ts';
import { urlsIn } from './cell-elsewhere.ts';
import { makeExerciseServer, stopExerciseServers } from './exercise-server.ts';
import { dumpToRebuild } from './point-to-rebuild.ts';
import { rebuildExternalStore } from './rebuild-external-store.ts';

vi.setConfig({ testTimeout: 120_000 });
const tools = await findTools(15, undefined);

let world: DrilledWorld;
let place: string;
let points: DumpRestorePoints;

beforeAll(async () => {
  world = await drilledWorld();
  place = join(world.real.dir, 'elsewhere');
  await mkdir(join(place, 'cell'), { recursive: true });
  await chmod(place, 0o755); // as root clusters run as another user
  const { cluster, passwordFile } = world.real.store;
  const { port } = cluster.config;
  const [url, adminUrl] = [join(world.real.dir, 'url'), join(world.real.dir, 'admin-url')];
  const login = (user: string, password: string, database: string) =>
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}\n`;
  await writeFile(url, login('app', await readSecret(passwordFile), 'app'), { mode: 0o600 });
  await writeFile(adminUrl, login('postgres', await readSecret(cluster.passwordFile), 'postgres'), { mode: 0o600 });
  const config = { url: { file: url }, adminUrl: { file: adminUrl }, keepRestorePoints: 20, census: true };
  const store = await openExternalStore('main', { ...config, restorePointsDir: world.backed.restorePointsDir });
  points = new DumpRestorePoints(new Map([['main', store]]));
  await world.query(
    `create role reader nologin; grant select (n) on entry to reader; alter table entry enable row level security;
     create policy readers on entry to reader using (n < 10); alter database app set work_mem = '7MB'`,
  );
}, 60_000);
afterAll(async () => {
  await stopExerciseServers(place);
  await world?.real.remove();
});

const asked = () => {
  const { vault, trust, identities, from: of, signal } = world.ask;
  return { of, vault, trust, identities, signal };
};
/** A server of a person's, and how the cell's file names it there. */
async function server(name: string, major: PostgresMajor = 15): Promise<ExternalStoreConfig> {
  await makeExerciseServer(place, name, major, { database: 'app', user: 'app' });
  const urls = urlsIn(join(place, 'servers', name));
  return { ...urls, restorePointsDir: join(place, `${name}-points`), keepRestorePoints: 5 };
}
async function on<T extends pg.QueryResultRow>(
  config: ExternalStoreConfig,
  sql: string,
  database = 'postgres',
): Promise<T[]> {
  const { host, port, user, password } = await readConnectionUrl(config.adminUrl);
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
const databases = async (config: ExternalStoreConfig): Promise<readonly string[]> =>
  (
    await on<{ name: string }>(config, 'select datname as name from pg_database where not datistemplate order by 1')
  ).map(({ name }) => name);
async function rebuilt(config: ExternalStoreConfig, placing = async () => {}): Promise<ExercisedStore> {
  const found = await dumpToRebuild(asked());
  if (!('point' in found) || found.wants === undefined)
    throw new Error('why' in found ? found.why : 'sealed for nobody');
  const { point, wants } = found;
  const cell = { cell: 'shared', dir: join(place, 'cell') };
  return rebuildExternalStore({
    ...asked(),
    config,
    cell,
    point,
    wants,
    placing,
    thrownAway: false,
    deadlineMs: 60_000,
    say: () => {},
  });
}
const nothingOf = async (config: ExternalStoreConfig, there: readonly string[]): Promise<void> => {
  expect(await databases(config)).toEqual(there);
  expect(await readdir(config.restorePointsDir)).toEqual([]);
};

describe.skipIf(tools === undefined)('With PostgreSQL’s tools', () => {
  let config: ExternalStoreConfig;
  beforeAll(async () => {
    config = await server('next');
    await on(config, 'create role reader nologin');
  }, 60_000);

  test('rows that aren’t those that were promised never get the store’s name', async () => {
    await world.seal(async (dir) => {
      const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
      for (const table of manifest.census.tables) table.rows += 1;
      await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
    }, points);
    await expect(rebuilt(config)).rejects.toThrow(
      /doesn't come back as it was promised: public\.entry came back with 5000 rows, 5001 were promised/,
    );
    await nothingOf(config, ['postgres']);
  });

  test('a schema that isn’t the one that was promised never gets it either', async () => {
    await world.seal(async (dir) => {
      const manifest = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
      manifest.migrations[0].version = 2;
      await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
    }, points);
    await expect(rebuilt(config)).rejects.toThrow(/schema version 2 came back, 3 was promised/);
    await nothingOf(config, ['postgres']);
  });

  test('nor does an index that hasn’t what its table has', async () => {
    // Says that it never changes, and does: what was indexed isn’t what is looked for.
    await world.query(
      `create function wavering(n int) returns float8 immutable language plpgsql as 'begin return random(); end';
       create index wavering on entry(wavering(n))`,
    );
    try {
      await world.seal(undefined, points);
      await expect(rebuilt(config)).rejects.toThrow(/as it was promised: pg_amcheck: .*wavering/);
    } finally {
      await world.query('drop index wavering; drop function wavering');
    }
    await nothingOf(config, ['postgres']);
  });

  test('a byte that changed in the vault is found before anything is loaded', async () => {
    const id = await world.seal(undefined, points);
    const dir = join(world.vaultDir, 'points', 'production', 'shared', 'main', id);
    const part = join(dir, (await readdir(dir)).find((name) => name.startsWith('database-'))!);
    const file = await open(part, 'r+');
    await file.write(Buffer.from('x'), 0, 1, 400);
    await file.close();
    await expect(rebuilt(config)).rejects.toThrow(/database-\d+/);
    await nothingOf(config, ['postgres']);
  });

  test('whoever writes to the empty database meanwhile keeps it', async () => {
    await world.seal(undefined, points);
    await on(config, 'create database app owner app');
    const placing = async () => void (await on(config, 'create table theirs(n int)', 'app'));
    await expect(rebuilt(config, placing)).rejects.toThrow(
      /somebody wrote to the database app meanwhile: it has table /,
    );
    await nothingOf(config, ['app', 'postgres']);
    expect(await on(config, 'select * from theirs', 'app')).toEqual([]);
    await expect(rebuilt(config)).rejects.toThrow(/the database app on \S+ isn’t empty: it has /);
    await on(config, 'drop database app');
  });

  test('a role that its rights name is asked for, and never made on a server of somebody else’s', async () => {
    await on(config, 'drop role reader');
    await expect(rebuilt(config)).rejects.toThrow(/roles that aren’t on \S+: reader; create role "reader" nologin;/);
    await nothingOf(config, ['postgres']);
    await on(config, 'create role reader nologin');
  });

  test('it comes back with rows, rights, settings, fence and claim; its password never stands in a log of the server', async () => {
    await on(config, 'drop role app');
    await on(config, `alter system set log_statement = 'all'`);
    await on(config, 'select pg_reload_conf()');
    const came = await rebuilt(config);
    expect(came).toMatchObject({ ownSchema: 3, schema: 3, promisedSchema: 3, amcheck: { problems: [] } });
    expect(came.census).toEqual({ tables: 1, rows: 5_000, differences: [], unsettled: [] });
    await nothingOf(config, ['app', 'postgres']);
    const rights = `select has_column_privilege('reader', 'public.entry', 'n', 'select') as reads, has_table_privilege('reader', 'public.entry', 'select') as all,
      (select polname::text from pg_policy) as policy, current_setting('work_mem') as memory, (select tableowner from pg_tables where tablename = 'entry') as owner`;
    expect(await on(config, rights, 'app')).toEqual([
      { reads: true, all: false, policy: 'readers', memory: '7MB', owner: 'app' },
    ]);
    expect(await on(config, 'select scope, epoch::int, n::int from headgate.fence', 'app')).toEqual([
      expect.objectContaining({ scope: 'cell:shared' }),
    ]);
    expect(await on(config, 'select cell, folder from headgate.claim', 'app')).toEqual([
      { cell: 'shared', folder: join(place, 'cell') },
    ]);
    expect(await on(config, `select extname from pg_extension where extname = 'amcheck'`, 'app')).toEqual([]);
    const { password } = await readConnectionUrl(config.url);
    const log = await readFile(join(place, 'servers', 'next', 'server.log'), 'utf8');
    expect(log).toContain('create role "app" login');
    expect(log).not.toContain(password);
    await expect(rebuilt(config)).rejects.toThrow(/isn’t empty: it is under control of/);
  });

  test('one from before restore points said what the database was like comes back as well, in UTF-8', async () => {
    await on(config, 'drop database app');
    await world.seal(async (dir) => {
      const {
        likeness: _,
        owner: _1,
        roles: _2,
        place: _3,
        fence: _4,
        ...before
      } = JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8'));
      await writeFile(join(dir, 'manifest.json'), JSON.stringify(before));
    }, points);
    expect((await rebuilt(config)).census).toMatchObject({ rows: 5_000, differences: [] });
    const what = `select pg_encoding_to_char(encoding) as encoding, current_setting('work_mem') as memory, (select count(*)::int from headgate.fence) as fences
      from pg_database where datname = 'app'`;
    expect(await on(config, what, 'app')).toEqual([{ encoding: 'UTF8', memory: '4MB', fences: 0 }]);
  });

  test('an empty database of the name gives way, and what was set for it stays; the server may be a newer PostgreSQL', async () => {
    await world.seal(undefined, points);
    const newer = await server('newer', 18);
    const { password } = await readConnectionUrl(newer.url);
    await on(newer, `create role reader nologin; create role app login password '${password}'`);
    await on(newer, `create database app owner app`);
    await on(newer, `alter database app set work_mem = '9MB'`);
    // Debian's programs are of 15; whoever runs a newer server has newer ones.
    const found = await dumpToRebuild(asked());
    if (!('point' in found) || found.wants === undefined) throw new Error('nothing');
    const cell = { cell: 'shared', dir: join(place, 'cell') };
    const came = await rebuildExternalStore({
      ...{ ...asked(), config: newer, cell, point: found.point, wants: found.wants, thrownAway: true },
      ...{ deadlineMs: 60_000, say: () => {}, placing: async () => {} },
    });
    expect(came.census).toMatchObject({ rows: 5_000, differences: [] });
    expect(came.amcheck).toEqual({ problems: [] });
    expect(await on(newer, `select current_setting('work_mem') as memory`, 'app')).toEqual([{ memory: '9MB' }]);
    await nothingOf(newer, ['app', 'postgres']);
  });
});
