import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pastLocks } from './apt.ts';
import { MissingPart } from './missing-part.ts';
import { odooPackage } from './odoo-package.ts';

describe.skipIf(!existsSync('/usr/bin/apt-get'))('a mirror that hangs', () => {
  let dir: string;
  let server: Server;
  let asked: number;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-mirror-'));
    asked = 0;
    server = createServer((socket) => {
      asked++;
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await mkdir(join(dir, 'apt'));
    await writeFile(join(dir, 'apt', 'sources.list'), `deb http://127.0.0.1:${port}/debian bookworm main\n`);
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
    await rm(dir, { recursive: true, force: true });
  });

  const missing = (patience: { silenceMs: number; indexMs: number }) =>
    odooPackage(join(dir, 'cache'), join(dir, 'apt'), { ...patience, downloadMs: 5_000, pauseMs: 10 }).catch((e) => e);

  test('is asked twice, and ends as a missing part in words', async () => {
    const error: MissingPart = await missing({ silenceMs: 1_000, indexMs: 30_000 });
    expect(error).toBeInstanceOf(MissingPart);
    expect(error.message).toMatch(/^Odoo 19 is missing: apt-get .*(timed out|Could not connect|Connection failed)/s);
    expect(error.message).toContain('make the mirror of the machine’s apt sources reachable'.replace('’', "'"));
    expect(asked).toBeGreaterThanOrEqual(2);
  });

  test('is not waited for beyond the whole time that it has', async () => {
    const error: MissingPart = await missing({ silenceMs: 60_000, indexMs: 1_000 });
    expect(error).toBeInstanceOf(MissingPart);
    expect(error.message).toContain("didn't end within 1 s");
    expect(asked).toBe(2);
  });
});

test('somebody else’s lock is waited for, and any other failure is not', async () => {
  let tries = 0;
  const locked = async () => {
    if (++tries < 2) throw new Error('E: Could not get lock /var/lib/apt/lists/lock');
    return 'done';
  };
  expect(await pastLocks(locked)).toBe('done');
  expect(tries).toBe(2);
  await expect(pastLocks(locked, 0)).resolves.toBe('done');
  await expect(pastLocks(() => Promise.reject(new Error('E: no space')))).rejects.toThrow('no space');
});
