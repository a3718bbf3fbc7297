/** HTTPS end to end: a spawned server with a certificate, spawned clients that know its authority and others that don't. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@headgate/server/testing/real-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const MAIN = path('./main.ts');
const SERVER = path('../../server/src/main.ts');
const TLS = path('../../server/src/testing/tls/');

let folder: string;
let server: ChildProcess;
let url = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-tls-'));
  const data = join(folder, '.headgate');
  const certificate = ['--tls-cert', join(TLS, 'server.pem'), '--tls-key', join(TLS, 'server.key')];
  server = spawn(process.execPath, [SERVER, '--data', data, '--port', '0', ...certificate], { stdio: 'ignore' });
  await until('the server is ready', async () => {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    const text = await readFile(join(data, 'server.json'), 'utf8').catch(() => '{}');
    url = (JSON.parse(text) as { url?: string }).url ?? '';
    return url !== '' && (await headgate({ NODE_EXTRA_CA_CERTS: join(TLS, 'ca.pem') }, 'whoami')).code === 0;
  });
}, 60_000);
afterAll(async () => {
  if (server?.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function headgate(
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const { HEADGATE_SERVER: _s, HEADGATE_TOKEN_FILE: _t, HEADGATE_DATA: _d, ...rest } = process.env;
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...rest, ...env } });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...said };
}

describe('over HTTPS', () => {
  it('whoever knows the authority is served', async () => {
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const known = await headgate({ NODE_EXTRA_CA_CERTS: join(TLS, 'ca.pem') }, 'whoami');
    expect(known).toMatchObject({ code: 0, out: 'usr_admin: admin\n' });
  });

  it('whoever does not know it sends no token, and is told why', async () => {
    const stranger = await headgate({}, 'whoami');
    expect(stranger).toMatchObject({ code: 5, out: '' });
    expect(stranger.err).toMatch(/certificate/);
    expect(stranger.err).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('a token never goes to another machine in plain text', async () => {
    const plain = await headgate({}, '--server', 'http://192.0.2.1:7070', 'whoami');
    expect(plain).toMatchObject({ code: 2, err: expect.stringContaining('https://') });
  });

  it('plain HTTP to that port is refused, not answered', async () => {
    expect((await headgate({}, '--server', url.replace('https:', 'http:'), 'whoami')).code).toBe(5);
  });
});
