import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { homeFor } from '@headgate/adapters/machine/reachable';
import { runAs } from '@headgate/adapters/machine/run-as';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
let beside: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-run-'));
  beside = await mkdtemp(join(tmpdir(), 'headgate-run-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const dir of [folder, beside]) await rm(dir, { recursive: true, force: true });
});

/** A process that works in a folder, and ends when asked unless it is stubborn. */
async function working(cwd: string, stubborn = false): Promise<ChildProcess> {
  const deaf = stubborn ? `process.on('SIGTERM', () => {}); process.on('SIGINT', () => {});` : '';
  const child = spawn(execPath, ['-e', `${deaf} console.log('there'); setInterval(() => {}, 1000)`], {
    cwd,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

async function endRun(dir: string): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawn(execPath, [join(import.meta.dirname, 'end-run.ts'), dir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

test('what a run left behind ends, its folder and its homes go, and whoever works elsewhere stays', async () => {
  const data = join(folder, 'data');
  const home = await homeFor(data, runAs());
  await mkdir(join(home, 'cells'), { recursive: true });
  const left = [await working(folder), await working(join(home, 'cells'))];
  const other = await working(beside);
  const { code, said } = await endRun(folder);
  expect(code).toBe(0);
  for (const child of left) expect(said).toContain(`process ${child.pid}`);
  expect(said).not.toContain(`process ${other.pid}`);
  expect(other.exitCode).toBe(null);
  expect([folder, home, beside].map(existsSync)).toEqual([false, false, true]);
});

test('a run that stopped all that it started is removed without a word', async () => {
  expect(await endRun(folder)).toEqual({ code: 0, said: '' });
  expect(existsSync(folder)).toBe(false);
});
