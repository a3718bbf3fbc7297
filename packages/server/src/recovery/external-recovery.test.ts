/** Two servers on one external PostgreSQL, which its own tools bring back as it was. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@headgate/adapters/machine/index';
import { type Cluster, findPrograms, openCluster, withClient } from '@headgate/adapters/postgres-cluster/index';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshFolder, RealServer, runMain, until } from '../testing/real-server.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let cluster: Cluster;
let dir: string;
let first: RealServer;
let second: RealServer;
let env: { HEADGATE_DATABASE_URL: string };

const sql = async (text: string): Promise<unknown> =>
  withClient(await cluster.connection(), (client) => client.query(text));

function recover(): Promise<{ code: number; out: string; err: string }> {
  const args = [MAIN, 'recover', '--data', first.dataDir, '--by', 'usr_ops', '--because', 'the disk died'];
  return new Promise((done) => {
    execFile(process.execPath, args, { env: { ...process.env, ...env }, timeout: 60_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}

beforeAll(async () => {
  dir = await freshFolder();
  cluster = await openCluster({ dir: join(dir, 'cluster'), port: await freePort() }, await findPrograms(15, dir));
  await sql('create database shared');
  const { user, password, port } = await cluster.connection();
  env = { HEADGATE_DATABASE_URL: `postgres://${user}:${password as string}@127.0.0.1:${port}/shared` };
  first = await RealServer.start({ env });
});
afterAll(async () => {
  await first?.remove();
  await second?.remove();
  await cluster?.stop();
  await rm(dir, { recursive: true, force: true });
});

test('no server works on a database that was brought back, until one of them is told; then all do', async () => {
  await first.stop();
  await sql('create database backup template shared');
  await first.start();
  second = await RealServer.start({ env });
  const admin = await first.client('admin');
  await admin.call('createPrincipal', { body: { id: 'usr_lost', roles: ['auditor'] } });
  const size = async () => Number((await admin.call('logHead')).split('\n')[1]);
  const before = await size();
  await until('the head covers it', async () => (await size()) >= before);

  // Nobody recovers under a server that works.
  expect(await recover()).toMatchObject({ code: 3 });
  await first.stop();
  expect(await recover()).toMatchObject({ code: 1, err: expect.stringContaining('stop all servers first') });
  await second.stop();
  await sql('drop database shared');
  await sql('alter database backup rename to shared');
  for (const server of [first, second]) {
    const { code, stderr } = await runMain(['--data', server.dataDir, '--port', '0'], env);
    expect(code).toBe(1);
    expect(stderr).toContain('headgate-server recover');
  }
  expect(await recover()).toMatchObject({ code: 0, out: expect.stringMatching(/gap: entr(y|ies) \d+/) });
  await first.start();
  await second.start();
  const { epoch, recovery } = await (await first.client('admin')).call('showRecovery');
  expect({ epoch, because: recovery?.because }).toEqual({ epoch: 2, because: 'the disk died' });
});
