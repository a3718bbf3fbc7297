/** Who holds a folder, and that a pid is believed only of the process that proves it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdCell, holderOf } from './cell-hold.ts';

let dir: string;
const children: ChildProcess[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-hold-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
  for (const child of children.splice(0)) {
    const ended = once(child, 'exit');
    if (child.kill('SIGKILL')) await ended;
  }
  await rm(dir, { recursive: true, force: true });
});

/** A process of somebody's. */
async function stranger(): Promise<number> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  return child.pid!;
}

/** Holds the folder's name, and answers with somebody else's pid: what a holder in a container does. */
async function claiming(pid: number): Promise<void> {
  const digest = createHash('sha256')
    .update(await realpath(dir))
    .digest('hex');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${pid}\n`);
  });
  server.listen({ path: `\0headgate-cell-${digest.slice(0, 40)}`, exclusive: true });
  await once(server, 'listening');
  servers.push(server);
}

test('nobody, a holder by its pid, and nobody again', async () => {
  expect(await holderOf(dir)).toBeUndefined();
  expect(await holderOf(join(dir, 'nothing'))).toBeUndefined();
  const hold = await holdCell(dir);
  expect(await holderOf(dir)).toEqual({ pid: process.pid });
  await expect(holdCell(dir)).rejects.toThrow(`held by another process (pid ${process.pid})`);
  await hold.release();
  expect(await holderOf(dir)).toBeUndefined();
});

test('a pid that a holder tells is a stranger’s until that process has the socket open', async () => {
  await claiming(await stranger());
  expect(await holderOf(dir)).toEqual({ pid: undefined });
});

test('nor is it believed of a process that there isn’t', async () => {
  await claiming(2 ** 22 + 1);
  expect(await holderOf(dir)).toEqual({ pid: undefined });
});
