/** Backup, restore and recovery of a real server on its embedded PostgreSQL, by its own commands. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer, until } from '../testing/real-server.ts';
import { SmallCompany } from '../testing/small-company.ts';

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
  const to = join(away, 'b1');
  const taken = await run('backup', ...data, '--to', to);
  expect({ ...taken, err: '' }).toMatchObject({ code: 0, out: expect.stringContaining('it holds the log’s key') });
  expect((await stat(to)).mode & 0o777).toBe(0o700);
  expect((await stat(join(to, 'folder', 'secrets', 'log.key'))).mode & 0o777).toBe(0o600);

  // What the backup lacks: a person, and a revocation.
  const admin = await server.client('admin');
  const token = (await admin.call('createPrincipal', { body: { id: 'usr_lost', roles: ['auditor'] } })).token;
  await admin.call('revokePrincipal', { id: 'usr_developer' });
  const before = await remembered(server);
  await server.stop();

  const damaged = join(to, 'data', 'PG_VERSION');
  const version = await readFile(damaged);
  await writeFile(damaged, '19\n');
  const broken = await run('restore', ...data, '--from', to);
  expect(broken).toMatchObject({ code: 1, err: expect.stringContaining('data/PG_VERSION isn') });
  await writeFile(damaged, version);

  expect(await run('restore', ...data, '--from', to)).toMatchObject({
    code: 0,
    out: expect.stringContaining('recover'),
  });
  const start = await run(...data, '--port', '0');
  expect(start).toMatchObject({ code: 1, err: expect.stringContaining('headgate-server recover --because') });

  const recovered = await run('recover', ...data, '--by', 'usr_ops', '--because', 'the disk died');
  expect(recovered.err).toBe('');
  console.log(recovered.out);
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
