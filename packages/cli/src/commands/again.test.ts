/** What is asked for twice: by a job that is run again, and by a token that has no place to go to. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createClient } from '@headgate/contract';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from '../program.ts';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let dir: string;

beforeAll(async () => {
  server = await RealServer.start();
  const company = await SmallCompany.found(server);
  dir = await mkdtemp(join(tmpdir(), 'headgate-again-'));
  await writeFile(join(dir, 'key.pem'), company.keyPem, { mode: 0o600 });
  await writeFile(join(dir, 'web.mjs'), company.artifact);
  const spec = { run: ['node', 'web.mjs'], files: ['web.mjs'], health: '/healthz' };
  const environments = [{ name: 'staging' }, { name: 'production' }];
  const service = { apiVersion: 'headgate/v1', kind: 'Service', metadata: { name: 'shop', owner: 'team-shop' } };
  await writeFile(join(dir, 'headgate.yaml'), JSON.stringify({ ...service, spec: { ...spec, environments } }));
});
afterAll(async () => {
  await server?.remove();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

async function headgate(...args: string[]): Promise<{ code: number; json: Record<string, never>; err: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const env = { HEADGATE_DATA: server.dataDir };
  const { signal: stop } = new AbortController();
  const code = await runCommandLine(['--json', ...args], { env, cwd: dir, stdin, stdout, stderr, stop });
  const last =
    String(stdout.read() ?? '{}')
      .trim()
      .split('\n')
      .at(-1) ?? '{}';
  return { code, json: JSON.parse(last) as Record<string, never>, err: String(stderr.read() ?? '') };
}

const job = (...more: string[]) =>
  headgate(
    '--as',
    'developer',
    'ci',
    '.',
    '--key',
    'key.pem',
    '--version',
    '5.0.0',
    '--author',
    'usr_author',
    '--to',
    'production',
    ...more,
  );
const idOf = ({ json }: { json: { promotion?: { id: string } | null } }) => json.promotion?.id;
const reject = (id: string) => headgate('--as', 'approver', 'reject', id, '--reason', 'not today');

test('a job that is run again asks for the same promotion while it is open, and for another after a failure only when it is told', async () => {
  const first = await job();
  expect(first).toMatchObject({ code: 0, json: { promotion: { phase: 'awaiting' } } });
  const id = idOf(first) as string;
  expect(idOf(await job())).toBe(id);
  expect(idOf(await job('--again'))).toBe(id);

  expect(await reject(id)).toMatchObject({ code: 0 });
  const refused = await job();
  expect(refused).toMatchObject({ code: 1, json: { error: { code: 'ended' } } });
  expect(refused.err).toContain(`${id}, which asked for this release in production, ended rejected`);
  expect(refused.err).toContain('--again');

  const second = await job('--again');
  expect(second).toMatchObject({ code: 0, json: { promotion: { phase: 'awaiting' } } });
  expect(idOf(second)).not.toBe(id);
  expect(idOf(await job('--again'))).toBe(idOf(second));
  expect(await reject(idOf(second) as string)).toMatchObject({ code: 0 });
  expect([id, idOf(second)]).not.toContain(idOf(await job('--again')));
});

test('a token is not made anew while there is no place for it', async () => {
  const token = join(dir, 'rotated.token');
  const whoami = async (text: string) => createClient({ baseUrl: server.url, token: text }).call('whoami');
  expect(await headgate('principal', 'create', 'usr_rotated', '--role', 'auditor', '--token-out', token)).toMatchObject(
    { code: 0 },
  );
  const before = (await readFile(token, 'utf8')).trim();
  for (const taken of [token, join(dir, 'no', 'such', 'folder')]) {
    const refused = await headgate('principal', 'rotate', 'usr_rotated', '--token-out', taken);
    expect(refused).toMatchObject({ code: 2, json: { error: { code: 'token-file' } } });
    expect(refused.err).toContain('nothing was changed');
  }
  expect((await whoami(before)).id).toBe('usr_rotated');

  // Neither does a call that is refused leave a file behind.
  const other = join(dir, 'other.token');
  expect(await headgate('principal', 'rotate', 'usr_nobody', '--token-out', other)).toMatchObject({ code: 3 });
  await expect(stat(other)).rejects.toThrow(/ENOENT/);
  expect(await headgate('principal', 'rotate', 'usr_rotated', '--token-out', other)).toMatchObject({ code: 0 });
  expect((await stat(other)).mode & 0o777).toBe(0o600);
  expect((await whoami((await readFile(other, 'utf8')).trim())).id).toBe('usr_rotated');
  await expect(whoami(before)).rejects.toThrow();
});

test('a job says which gates hold its promotion up, and what opens them', async () => {
  const line = '--as developer ci . --key key.pem --version 5.1.0 --author usr_author --to production'.split(' ');
  const { code, out } = await ranCommand(line, { env: { HEADGATE_DATA: server.dataDir }, cwd: dir });
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/only once these gates let it:\n- tests-passed: .*; to unblock /),
  ]);
});

test('a key whose promotion is over asks for nothing, and a script is told so', async () => {
  const ask = () => headgate('--as', 'developer', 'promote', '5.1.0', '--to', 'production', '--key', 'once');
  const first = await ask();
  expect(first.code).toBe(0);
  const { id } = first.json as unknown as { id: string };
  expect((await ask()).json).toMatchObject({ id });
  expect(await headgate('--as', 'release-manager', 'reject', id, '--reason', 'not yet')).toMatchObject({ code: 0 });
  const over = await ask();
  expect(over).toMatchObject({ code: 1, json: { error: { code: 'ended' } } });
  expect(over.err).toContain('ask under another --key');
});

test('a job that waits says once where it ended, and its page last', async () => {
  const line = '--as developer ci . --key key.pem --version 5.2.0 --author usr_author --to production --wait 60';
  const waiting = ranCommand(line.split(' '), { env: { HEADGATE_DATA: server.dataDir }, cwd: dir });
  const manager = await server.client('release-manager');
  const asked = async () =>
    (await manager.call('listPromotions', { environment: 'production', limit: 200 })).items.find(
      ({ release }) => release.version === '5.2.0',
    );
  await until('it is asked for', async () => (await asked()) !== undefined);
  const id = (await asked())?.id as string;
  await manager.call('rejectPromotion', { promotion: id, body: { reason: 'not today' } });
  const { code, out } = await waiting;
  expect(code).toBe(1);
  expect(out.match(new RegExp(`^${id} .*ended: rejected`, 'gm'))).toHaveLength(1);
  expect(out.trim().split('\n').at(-1)).toBe(`${server.url}/promotions/${id}`);
});
