import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../machine/free-port.ts';
import { alive, gone } from '../machine/process-identity.ts';
import { processesIn } from '../machine/processes-in.ts';
import { Cluster } from './cluster.ts';
import { databaseUrl, ensureDatabase, passwordFileOf, withClient } from './database.ts';
import { findPrograms, packageName } from './programs.ts';
import { quote } from './settings.ts';

let dir: string;
let cluster: Cluster;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-cluster-'));
  await chmod(dir, 0o755); // as root the cluster runs as another user
  cluster = new Cluster(
    { dir: join(dir, 'store'), port: await freePort(), archiveDir: join(dir, 'archive') },
    await findPrograms(15, dir),
  );
  await cluster.init();
  await cluster.start();
});

afterAll(async () => {
  await cluster?.stop();
  await rm(dir, { recursive: true, force: true });
});

test('a new cluster has checksums, archives its WAL and asks for passwords', async () => {
  await withClient(await cluster.connection(), async (client) => {
    const { rows } = await client.query(
      `select current_setting('data_checksums') as checksums, current_setting('archive_library') as library,
              current_setting('listen_addresses') as listen, current_setting('fsync') as fsync`,
    );
    expect(rows[0]).toEqual({ checksums: 'on', library: 'basic_archive', listen: '127.0.0.1', fsync: 'on' });
  });
  await expect(withClient({ ...(await cluster.connection()), password: 'wrong' }, async () => {})).rejects.toThrow(
    /password/,
  );
  expect((await stat(cluster.passwordFile)).mode & 0o777).toBe(0o600);
});

test('a login owns its database and nothing more', async () => {
  const login = { database: 'psa', user: 'psa', passwordFile: passwordFileOf(cluster, 'psa') };
  await ensureDatabase(cluster, login);
  await ensureDatabase(cluster, login);
  const url = await databaseUrl(cluster.config.port, login);
  await withClient({ connectionString: url }, async (client) => {
    await client.query('create table t(x int)');
    await expect(client.query('create database other')).rejects.toThrow(/permission denied/);
  });
});

test('an orphaned postmaster is adopted, not started twice', async () => {
  const before = await cluster.start();
  const again = new Cluster(cluster.config, cluster.programs);
  expect((await again.start()).pid).toBe(before.pid);
});

test('after kill -9 of the postmaster, under load, it starts again and keeps what was committed', async () => {
  await withClient(await cluster.connection(), (client) =>
    client.query('create table kept as select generate_series(1, 1000) as n'),
  );
  const before = await cluster.start();
  const connected = Promise.withResolvers<void>();
  const busy = withClient(await cluster.connection(), (client) => {
    connected.resolve();
    return client.query('select pg_sleep(60)');
  }).catch(() => {});
  await connected.promise;
  process.kill(before.pid, 'SIGKILL');
  expect(await gone(before, 5_000)).toBe(true);
  expect(await readFile(join(cluster.data, 'postmaster.pid'), 'utf8')).toContain(String(before.pid));
  const after = await cluster.start();
  await busy;
  expect(after.pid).not.toBe(before.pid);
  const rows = await withClient(await cluster.connection(), (client) =>
    client.query('select count(*)::int as n from kept'),
  );
  expect(rows.rows[0].n).toBe(1000);
});

test('a session that is asked for while the server is being started again waits for it; a wrong password does not', async () => {
  const before = await cluster.start();
  process.kill(before.pid, 'SIGKILL');
  expect(await gone(before, 5_000)).toBe(true);
  const config = await cluster.connection();
  const asked = withClient(config, (client) => client.query('select 1 as one'));
  await expect(new pg.Client(config).connect()).rejects.toThrow();
  await cluster.start();
  expect((await asked).rows).toEqual([{ one: 1 }]);
  const from = performance.now();
  await expect(withClient({ ...config, password: 'wrong' }, async () => {})).rejects.toThrow(/password/);
  expect(performance.now() - from).toBeLessThan(3_000);
});

test('a lock file whose pid now belongs to another process does not keep the cluster down', async () => {
  await cluster.stop();
  expect(await processesIn(cluster.data)).toEqual([]);
  await writeFile(
    join(cluster.data, 'postmaster.pid'),
    `${process.pid}\n${cluster.data}\n1\n1\n\n127.0.0.1\n1 1\nready\n`,
  );
  expect(await cluster.postmaster()).toBeUndefined();
  const running = await cluster.start();
  expect(alive(running)).toBe(true);
  expect(running.pid).not.toBe(process.pid);
  expect(await cluster.healthy()).toBe(true);
});

test('a port that is taken is named when the start fails', async () => {
  const second = new Cluster({ dir: join(dir, 'second'), port: cluster.config.port }, cluster.programs);
  await second.init();
  await expect(second.start()).rejects.toThrow(
    new RegExp(`port.*${cluster.config.port}|${cluster.config.port}.*already`, 's'),
  );
});

test('platforms without the pinned programs are refused by name', () => {
  expect(() => packageName(15, { os: 'darwin', arch: 'arm64', glibc: undefined })).toThrow(
    /Linux x64 and arm64.*darwin arm64/,
  );
  expect(() => packageName(18, { os: 'linux', arch: 'x64', glibc: undefined })).toThrow(/without glibc/);
  expect(packageName(18, { os: 'linux', arch: 'arm64', glibc: '2.36' })).toBe('@headgate/postgres-18-linux-arm64');
});

test('settings can not be broken out of', () => {
  expect(quote("a'b\\c")).toBe("'a''b\\\\c'");
  expect(() => quote('a\nport = 1')).toThrow(/line end/);
});
