/** Backup, restore and recovery of a real server on its embedded PostgreSQL, by its own commands. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@headgate/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { refused, SmallCompany } from '../testing/small-company.ts';
import { asSuperuser } from '../testing/superuser.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let server: RealServer;
let away: string;
const folders: string[] = [];

function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [MAIN, ...args], { timeout: 60_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}

const sizeOf = async (of: RealServer): Promise<number> =>
  Number((await (await of.client('auditor')).call('logHead')).split('\n')[1]);

/** Until the newest head is signed, and remembered outside of the database. */
async function remembered(of: RealServer): Promise<number> {
  let size = 0;
  await until('the newest head is remembered', async () => {
    size = await sizeOf(of);
    const { note } = JSON.parse(await readFile(join(of.dataDir, 'newest-head.json'), 'utf8'));
    return note.split('\n')[1] === String(size);
  });
  return size;
}

beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
  away = await mkdtemp(join(tmpdir(), 'headgate-backup-'));
  folders.push(away);
});
afterAll(async () => {
  await server?.remove();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

test('a backup is taken while the server runs, restored, and gone on from only when somebody says so', async () => {
  const data = ['--data', server.dataDir];
  const atBackup = await remembered(server);
  const to = join(away, 'b1');
  const taken = await run('backup', ...data, '--to', to);
  expect({ ...taken, err: '' }).toMatchObject({ code: 0, out: expect.stringContaining('it holds the log’s key') });
  expect((await stat(to)).mode & 0o777).toBe(0o700);
  expect((await stat(join(to, 'folder', 'secrets', 'log.key'))).mode & 0o777).toBe(0o600);

  // What the backup lacks: a person, and a revocation.
  const admin = await server.client('admin');
  const token = (await admin.call('createPrincipal', { body: { id: 'usr_lost', roles: ['auditor'] } })).token;
  await admin.call('revokePrincipal', { id: 'usr_developer' });
  await until('the gap is signed', async () => (await sizeOf(server)) >= atBackup + 2);
  const before = await remembered(server);
  await server.stop();

  const damaged = join(to, 'data', 'PG_VERSION');
  const version = await readFile(damaged);
  await writeFile(damaged, '19\n');
  const broken = await run('restore', ...data, '--from', to);
  expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('data/PG_VERSION isn') });
  await writeFile(damaged, version);
  const another = await run('restore', ...data, '--from', to, '--sum', '0'.repeat(64));
  expect(another).toMatchObject({ code: 1, err: expect.stringContaining('isn') });

  const [, sum = ''] = /manifest SHA-256 ([0-9a-f]{64})/.exec(taken.out) ?? [];
  expect(await run('restore', ...data, '--from', to, '--sum', sum)).toMatchObject({
    code: 0,
    out: expect.stringContaining('recover'),
  });
  const start = await run(...data, '--port', '0');
  expect(start).toMatchObject({ code: 1, err: expect.stringContaining('headgate-server recover --because') });

  const absurd = await run('recover', ...data, '--by', 'usr_ops', '--because', 'x', '--epoch-above', '2000000000');
  expect(absurd).toMatchObject({ code: 1, err: expect.stringContaining('at most 501 is taken') });
  const recovered = await run('recover', ...data, '--by', 'usr_ops', '--because', 'the disk died');
  expect(recovered.err).toBe('');
  const [, first, last] = /entries (\d+) to (\d+) are gone/.exec(recovered.out) ?? [];
  expect(Number(last)).toBe(before - 1);

  await server.start();
  const after = await server.client('admin');
  const shown = await after.call('showRecovery');
  expect(shown).toMatchObject({
    epoch: 2,
    recovery: { by: 'usr_ops', because: 'the disk died', kept: { size: Number(first) }, lost: { size: before } },
  });
  // Whoever was revoked in the gap would be back: no token from before is worth anything.
  const old = (await readFile(join(to, 'folder', 'secrets', 'developer.token'), 'utf8')).trim();
  const answer = await fetch(`${server.url}/v1/whoami`, { headers: { authorization: `Bearer ${old}` } });
  expect(answer.status).toBe(401);
  expect((await fetch(`${server.url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  expect((await after.call('whoami')).id).toBe('usr_admin');
  // Agents tell before anything moves.
  expect(shown.unread.map(({ cell }) => cell)).toEqual(['live', 'stage']);
});

test('a server that remembers nothing hands out no step once an agent has seen more than its database knows', async () => {
  const data = ['--data', server.dataDir];
  const to = join(away, 'b2');
  await run('backup', ...data, '--to', to);
  const admin = await server.client('admin');
  const { token } = await admin.call('enrolAgent', { body: { id: 'agt_far', environments: ['production'] } });
  const before = await remembered(server);
  await server.stop();
  await run('restore', ...data, '--from', to);
  for (const name of ['newest-head.json', 'restored.json']) await rm(join(server.dataDir, name), { force: true });
  await server.start();

  // The agent's enrolment is forgotten, too: another one has seen as much.
  const known = await (await server.client('admin')).call('enrolAgent', {
    body: { id: 'agt_near', environments: ['production'] },
  });
  expect(token).not.toBe(known.token);
  const agent = createClient({ baseUrl: server.url, token: known.token });
  const ask = (seen: { epoch: number; head: number }) => agent.call('leaseStep', { ...seen, body: { waitMs: 0 } });
  expect(await ask({ epoch: 2, head: 1 })).toEqual({ assignment: null });
  const problem = await refused(ask({ epoch: 2, head: before + 1_000 }));
  expect(problem.problem.refusals).toMatchObject([
    { code: 'forgotten-past', unblock: expect.stringContaining('accept-restored-log') },
  ]);
  expect((await refused(ask({ epoch: 3, head: 1 }))).problem.refusals).toMatchObject([
    { why: expect.stringContaining('epoch 3'), unblock: expect.stringContaining('headgate-server recover') },
  ]);
});

test('a server that runs on while another epoch begins, or its database is replaced, ends by itself', async () => {
  await asSuperuser(server, (client) => client.query('update headgate.meta set epoch = epoch + 1'));
  await until('it ended', async () => (await fetch(`${server.url}/healthz`).catch(() => undefined)) === undefined);
  expect(await server.stop()).toBe(1);
  expect(server.errors).toContain('this server began in 2');
});
