import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ageMs, identify, maySignal } from './process-identity.ts';
import { reachableProgram } from './program-copy.ts';
import { asUser, runAs } from './run-as.ts';

test('a process is as old as it says itself', () => {
  const own = identify(process.pid);
  if (own === undefined) throw new Error('this process has no identity');
  const differMs = ageMs(own) - process.uptime() * 1_000;
  // Until Node counts its own time it has been there for a moment already.
  expect(Math.abs(differMs)).toBeLessThan(5_000);
});

test('one of another boot is older than this one', () => {
  const upMs = ageMs({ pid: 1, startTicks: '9', bootId: 'another' });
  expect(upMs).toBeGreaterThan(process.uptime() * 1_000);
});

test('another user’s process may not be signalled, our own may', async () => {
  expect(maySignal(process.pid)).toBe(true);
  // Of root everybody's may be: asked by the user whom root starts programs as, about root's.
  const user = runAs();
  const asked = user === undefined ? 1 : process.pid;
  const dir = await mkdtemp(join(tmpdir(), 'headgate-signal-'));
  try {
    await chmod(dir, 0o755);
    for (const name of ['process-identity.ts', 'boot-identity.ts'])
      await copyFile(fileURLToPath(new URL(name, import.meta.url)), join(dir, name));
    const node = await reachableProgram(process.execPath, `node-${process.version}`, user);
    const script = `import('${join(dir, 'process-identity.ts')}').then((m) => console.log(m.maySignal(${asked}), m.maySignal(process.pid)))`;
    const { stdout } = await promisify(execFile)(node, ['-e', script], { ...asUser(user), cwd: dir });
    expect(stdout).toBe('false true\n');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
