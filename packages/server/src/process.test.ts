import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePort, signalProcess } from '@headgate/adapters/machine/index';
import { type Cluster, findPrograms, openCluster, withClient } from '@headgate/adapters/postgres-cluster/index';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshFolder, RealServer, runMain, until } from './testing/real-server.ts';

describe('a server on its own folder', () => {
  let server: RealServer;
  beforeAll(async () => {
    server = await RealServer.start();
  });
  afterAll(() => server?.remove());

  it('keeps tokens and keys to itself', async () => {
    expect((await stat(join(server.dataDir, 'secrets'))).mode & 0o777).toBe(0o700);
    for (const name of ['admin.token', 'approver.token', 'log.key'])
      expect((await stat(join(server.dataDir, 'secrets', name))).mode & 0o777).toBe(0o600);
  });

  it('keeps a second one out, and says who holds the folder', async () => {
    const { code, stderr } = await runMain(['--data', server.dataDir, '--port', '0']);
    expect(code).toBe(3);
    expect(stderr).toContain(`in use by the process ${server.pid}`);
  });

  it('says which port is taken when it was asked for', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as { port: number };
    const folder = await freshFolder();
    const other = await RealServer.start({ dataDir: folder });
    await other.stop();
    const { code, stderr } = await runMain(['--data', folder, '--port', String(port)]);
    taken.close();
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(`port ${port} is taken`) });
    expect(await other.postmaster()).toBeUndefined();
    await other.remove();
  });

  it('that may have any port takes the one of before, at which its agents ask; taken, another one', async () => {
    const folder = await freshFolder();
    const own = await RealServer.start({ dataDir: folder });
    const { url } = own;
    await own.stop();
    await own.start();
    expect(own.url).toBe(url);
    await own.stop();
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(Number(new URL(url).port), '127.0.0.1', done));
    await own.start();
    taken.close();
    expect(own.url).not.toBe(url);
    await own.remove();
  });

  it('starts its PostgreSQL again within moments of a kill -9, and goes on by itself', async () => {
    const admin = await server.client('admin');
    await admin.call('createPrincipal', { body: { id: 'usr_before', roles: ['auditor'] } });
    const before = await server.postmaster();
    if (before === undefined) throw new Error('no postmaster');
    const killedAt = performance.now();
    expect(signalProcess(before, 'SIGKILL')).toBe(true);
    await until('another postmaster', async () => {
      const now = await server.postmaster();
      return now !== undefined && now.pid !== before.pid && now.ready;
    });
    await until('it is ready', async () => (await fetch(`${server.url}/readyz`)).ok);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    await until('what was committed is there, and more can be', async () => {
      const { items } = await admin.call('listPrincipals', {});
      return items.some((p) => p.id === 'usr_before');
    });
    await admin.call('createPrincipal', { body: { id: 'usr_after', roles: ['auditor'] } });
    const size = async () => Number((await admin.call('logHead')).split('\n')[1]);
    await until('the sequencer goes on', async () => (await size()) >= 9);
  });

  it('that was killed is taken over: its database is adopted, its users and log are there', async () => {
    const token = await readFile(join(server.dataDir, 'secrets', 'admin.token'), 'utf8');
    const postmaster = await server.postmaster();
    await server.kill();
    await server.start();
    expect((await server.postmaster())?.pid).toBe(postmaster?.pid);
    expect(await readFile(join(server.dataDir, 'secrets', 'admin.token'), 'utf8')).toBe(token);
    expect((await (await server.client('admin')).call('whoami')).id).toBe('usr_admin');
    expect(server.errors).toContain('taken over from a server that died');
  });

  it('stops in order, with its database, and comes back with everything', async () => {
    expect(await server.stop()).toBe(0);
    expect(await server.postmaster()).toBeUndefined();
    await server.start();
    const { items } = await (await server.client('admin')).call('listPrincipals', {});
    expect(items.map((p) => p.id)).toContain('usr_after');
  });

  it('trusts what its trust file says from when it says so, and nothing when it is broken', async () => {
    await writeFile(join(server.dataDir, 'trust.yaml'), 'nonsense: [');
    await until('it says so', async () => {
      const { parts } = (await (await fetch(`${server.url}/readyz`)).json()) as {
        parts: { part: string; why: string }[];
      };
      return /trust\.yaml:1/.test(parts.find((p) => p.part === 'trust')?.why ?? '');
    });
  });
});

describe('wrong usage', () => {
  it.each([
    [['--bogus'], /bogus/],
    [['--port', 'http'], /expected a port/],
    [['--host', '0.0.0.0'], /not loopback/],
    [['--host', '0.0.0.0', '--tls-cert', 'x'], /go together/],
    [['--database-url', 'mysql://root:secret@x/y'], /expected postgres:/],
    [['--log-level', 'loud'], /expected one of debug/],
    [['postgres://root:secret@x/y'], /postgres:\/\/…@x\/y/],
    [['--notify-allow', 'https://root:secret@x/'], /notify-allow/],
  ])('%j is told with exit code 2', async (args, message) => {
    const { code, stderr } = await runMain(args);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
    expect(stderr).not.toContain('secret');
  });

  it('a database that is not there is told, without its password', async () => {
    const folder = await freshFolder();
    const args = ['--data', folder, '--port', '0'];
    const { code, stderr } = await runMain(args, { HEADGATE_DATABASE_URL: 'postgres://u:s3cret@127.0.0.1:1/x' });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('not available') });
    expect(stderr).not.toContain('s3cret');
    await rm(folder, { recursive: true });
  });
});

describe('servers on one external PostgreSQL 15', () => {
  let cluster: Cluster;
  let dir: string;
  let first: RealServer;
  let second: RealServer;
  beforeAll(async () => {
    dir = await freshFolder();
    cluster = await openCluster({ dir: join(dir, 'cluster'), port: await freePort() }, await findPrograms(15, dir));
    await withClient(await cluster.connection(), (client) => client.query('create database shared'));
    const { user, password, port } = await cluster.connection();
    const env = { HEADGATE_DATABASE_URL: `postgres://${user}:${password as string}@127.0.0.1:${port}/shared` };
    first = await RealServer.start({ env });
    second = await RealServer.start({ env });
  });
  afterAll(async () => {
    await first?.remove();
    await second?.remove();
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('are one control plane: users of the first, one log, and one of them signs', async () => {
    const admin = await first.client('admin');
    expect(await readFile(join(second.dataDir, 'log.pub'), 'utf8')).toBe(
      await readFile(join(first.dataDir, 'log.pub'), 'utf8'),
    );
    await expect(readFile(join(second.dataDir, 'secrets', 'admin.token'))).rejects.toThrow(/ENOENT/);
    const { token } = await admin.call('createPrincipal', { body: { id: 'usr_both', roles: ['auditor'] } });
    const answer = await fetch(`${second.url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toEqual({ id: 'usr_both', roles: ['auditor'] });
    const { parts } = (await (await fetch(`${second.url}/readyz`)).json()) as {
      parts: { part: string; why: string }[];
    };
    expect(parts.find((p) => p.part === 'log-key')?.why).toContain('another server');
    await until('the head covers it', async () => Number((await admin.call('logHead')).split('\n')[1]) >= 8);
  });

  it('say who may migrate when their role may not, and work as a role that may not once somebody did', async () => {
    const { user, password, port } = await cluster.connection();
    await withClient(await cluster.connection(), async (client) => {
      await client.query("create role plain login password 'plain-enough'");
      await client.query('create database other');
    });
    const own = `postgres://plain:plain-enough@127.0.0.1:${port}/other`;
    const folder = await freshFolder();
    const args = ['--data', folder, '--port', '0'];
    const { code, stderr } = await runMain(args, { HEADGATE_DATABASE_URL: own });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('--database-admin-url') });
    const admin = `postgres://${user}:${password as string}@127.0.0.1:${port}/other`;
    const env = { HEADGATE_DATABASE_URL: own, HEADGATE_DATABASE_ADMIN_URL: admin };
    const server = await RealServer.start({ dataDir: folder, env });
    expect((await (await server.client('admin')).call('whoami')).id).toBe('usr_admin');
    await server.remove();
  });

  it('go on when one of them is killed', async () => {
    const admin = await first.client('admin');
    await second.kill();
    await admin.call('createPrincipal', { body: { id: 'usr_alone', roles: ['auditor'] } });
    await second.start();
    const { items } = await admin.call('listPrincipals', {});
    expect(items.map((p) => p.id)).toContain('usr_alone');
  });
});
