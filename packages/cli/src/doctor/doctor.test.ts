/** Every finding on a real installation, and each of them turned bad by hand. */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { generateSigningKey, savePrivateKey } from '@headgate/documents';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from '../program.ts';
import type { Finding } from './finding.ts';
import { SERVER_CHECKS } from './server-checks.ts';

let server: RealServer;

async function doctor(...more: string[]): Promise<{ code: number; healthy: boolean; findings: readonly Finding[] }> {
  let out = '';
  const into = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const { signal: stop } = new AbortController();
  const env = { HEADGATE_DATA: server.dataDir };
  const terminal = { env, cwd: server.dataDir, stdin: process.stdin, stdout: into, stderr: into, stop };
  const code = await runCommandLine(['doctor', '--json', ...more], terminal);
  return { code, ...JSON.parse(out.trim().split('\n').at(-1) ?? '{}') };
}

const of = (findings: readonly Finding[], check: string) => findings.filter((each) => each.check === check);

beforeAll(async () => {
  server = await RealServer.start();
  await SmallCompany.found(server);
});
afterAll(() => server?.remove());

test('nothing is wrong with an installation that is sound', async () => {
  await until('a tree head is signed', async () => of((await doctor()).findings, 'log')[0]?.verdict === 'ok');
  const { code, healthy, findings } = await doctor('--wait', '10');
  expect(findings.filter(({ verdict }) => verdict === 'wrong')).toEqual([]);
  expect([code, healthy]).toEqual([0, true]);
  expect([...new Set(findings.map(({ check }) => check))]).toEqual([
    'configuration',
    'keys',
    'disk',
    'data',
    'backups',
    'server',
    'clock',
    'token',
    'agents',
    'pins',
    'log',
    'rows',
    'database',
    'recovery',
  ]);
});

test('a secret that others may read is named, with what to do', async () => {
  const file = join(server.dataDir, 'secrets', 'auditor.token');
  await chmod(file, 0o644);
  const { code, findings } = await doctor();
  await chmod(file, 0o600);
  expect(code).toBe(1);
  expect(of(findings, 'configuration')).toMatchObject([
    { verdict: 'wrong', why: expect.stringContaining(file), mend: expect.stringContaining('chmod 600') },
  ]);
});

test('no backup that is young and was brought back in a drill is not well, and what is wrong with them is said', async () => {
  const backups = async () => of((await doctor()).findings, 'backups');
  expect(await backups()).toMatchObject([{ verdict: 'unknown', mend: expect.stringContaining('--backup-to') }]);
  const file = join(server.dataDir, 'backups.json');
  const now = Date.now();
  const good = { name: 'headgate-1', at: now - 60_000, tookMs: 1, bytes: 1, entries: 9, sum: 'x' };
  const drill = {
    ...{ name: 'headgate-1', at: now, ok: true, because: [], tookMs: 1 },
    ...{ entries: 9, lostEntries: 0, lostMs: 0 },
  };
  const status = { v: 1, to: '/b', everyMs: 3_600_000, keep: 1, since: now, sinceDrill: 0 };
  const written = async (more: object) => {
    await writeFile(file, JSON.stringify({ ...status, ...more }));
    return backups();
  };
  expect(await written({})).toMatchObject([{ verdict: 'unknown' }]);
  expect(await written({ good, drill })).toMatchObject([{ verdict: 'ok' }]);
  expect(await written({ good: { ...good, at: now - 7_300_000 }, drill })).toMatchObject([
    { verdict: 'wrong', why: expect.stringContaining('one is due each 60 min') },
  ]);
  const failed = { ...drill, ok: false, because: ['entry 5 of the log is missing'] };
  expect(await written({ good, drill: failed })).toMatchObject([
    { verdict: 'wrong', why: expect.stringContaining('entry 5'), mend: expect.stringContaining('backup --status') },
  ]);
  await writeFile(file, 'x');
  expect(await backups()).toMatchObject([{ verdict: 'wrong' }]);
  await rm(file);
});

test('what an agent on this machine backs up beside its stores is told with what is wrong of it', async () => {
  const found = async () => of((await doctor()).findings, 'configuration-backups');
  expect(await found()).toEqual([]);
  const dir = join(server.dataDir, 'agent-backups');
  const folder = join(dir, 'backups', 'platform');
  await mkdir(folder, { recursive: true });
  const config = join(dir, 'agent.yaml');
  await writeFile(config, `dataDir: ${dir}\nbackups:\n  - name: platform\n`);
  expect(await found()).toMatchObject([{ verdict: 'unknown', why: expect.stringContaining('none was taken yet') }]);
  const at = Date.now();
  const good = { id: 'bk-1', at, tookMs: 1, bytes: 1, holds: '1 ref' };
  const standing = {
    ...{ v: 1, name: 'platform', kind: 'git', source: 'x', vault: 'y', everyMs: 3_600_000, since: at, failures: 0 },
    ...{ sinceDrill: 0, findings: [], unreadable: [], good, sound: { id: 'bk-1', at } },
  };
  const written = async (more: object) => {
    await writeFile(join(folder, 'standing.json'), JSON.stringify({ ...standing, ...more }));
    return found();
  };
  expect(await written({})).toMatchObject([{ verdict: 'ok' }]);
  expect(await written({ sound: undefined })).toMatchObject([{ verdict: 'unknown' }]);
  expect(await written({ last: { at, ok: false, why: 'no room' } })).toMatchObject([
    {
      verdict: 'wrong',
      why: 'platform: the last try failed: no room',
      mend: `headgate-agent backup --status --config ${config}`,
    },
  ]);
  expect(await written({ v: 2 })).toMatchObject([{ verdict: 'wrong', why: expect.stringContaining('isn’t what') }]);
  // One that is no longer declared is nobody's any more.
  await writeFile(config, `dataDir: ${dir}\nbackups: []\n`);
  expect(await found()).toEqual([]);
  await rm(dir, { recursive: true });
});

test('a trust file that isn’t there, or doesn’t know the key that releases are signed with, is wrong', async () => {
  const file = join(server.dataDir, 'trust.yaml');
  await rename(file, `${file}.away`);
  expect(of((await doctor()).findings, 'keys')).toMatchObject([
    { verdict: 'wrong', why: expect.stringContaining('every release is refused') },
  ]);
  await rename(`${file}.away`, file);
  await mkdir(join(server.dataDir, 'ci'));
  savePrivateKey(join(server.dataDir, 'ci', 'release.key'), generateSigningKey().privateKeyPem);
  expect(of((await doctor()).findings, 'keys')).toMatchObject([
    { verdict: 'wrong', why: expect.stringContaining("isn't among the trusted keys") },
  ]);
  await rm(join(server.dataDir, 'ci'), { recursive: true });
});

test('another key than the log’s shows that it doesn’t verify, and a head that it doesn’t continue', async () => {
  const file = join(server.dataDir, 'log.pub');
  const own = await readFile(file, 'utf8');
  await writeFile(file, own.replace(/\+[0-9a-f]{8}\+/, '+00000000+'));
  expect(of((await doctor()).findings, 'log')).toMatchObject([{ verdict: 'wrong' }]);
  await writeFile(file, own);
});

test('clocks that differ are told, by how much', async () => {
  const client = await server.client('admin');
  const clock = SERVER_CHECKS.find(({ name }) => name === 'clock')!;
  const facts = { server: server.url, client, tokenFile: 'admin.token', folder: undefined, cwd: server.dataDir };
  expect(await clock.look({ ...facts, now: () => Date.now() + 60_000 })).toMatchObject([
    { verdict: 'wrong', mend: expect.stringContaining('NTP') },
  ]);
  expect(await clock.look({ ...facts, now: () => Date.now() - 60_000 })).toMatchObject([{ verdict: 'wrong' }]);
});

test('a token that isn’t accepted stands first, with where it was read from; what it would show is unknown, never ok', async () => {
  const file = join(server.dataDir, 'secrets', 'admin.token');
  const own = await readFile(file, 'utf8');
  await writeFile(file, 'nobody.aaaa\n', { mode: 0o600 });
  const { code, healthy, findings } = await doctor();
  await writeFile(file, own, { mode: 0o600 });
  expect([code, healthy]).toEqual([1, false]);
  expect(findings[0]).toMatchObject({ check: 'token', verdict: 'wrong', why: expect.stringContaining(file) });
  expect(findings[0]?.mend).toContain('--token-file FILE');
  for (const check of ['agents', 'clock', 'log']) expect(of(findings, check)[0]?.verdict).toBe('unknown');
});

test('a server that is away is wrong, and so is nothing else that it would say', async () => {
  await server.stop();
  await mkdir(join(server.dataDir, 'agent'), { recursive: true });
  await writeFile(join(server.dataDir, 'agent', 'agent.yaml'), 'name: agt_shop\nserver: http://127.0.0.1:7000\n');
  const { code, findings } = await doctor();
  expect(code).toBe(1);
  expect(of(findings, 'server')[0]).toMatchObject({
    verdict: 'wrong',
    why: `${server.url} doesn't answer; agt_shop asks http://127.0.0.1:7000`,
  });
  expect(of(findings, 'agents')[0]?.verdict).toBe('unknown');
});
