import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alive, identify } from '../../machine/process-identity.ts';
import { type BoundedRun, runBounded } from './bounded-run.ts';
import { endLeftovers, RUN_VARIABLE, rememberRun } from './leftovers.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-run-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const node = (script: string, more: Partial<BoundedRun> = {}) =>
  runBounded({
    command: [process.execPath, '-e', script],
    environment: {},
    workDir: join(dir, 'work'),
    user: undefined,
    deadlineMs: 30_000,
    signal: new AbortController().signal,
    secrets: [],
    ...more,
  });

test('a program gets the environment that it is given, and nothing of ours', async () => {
  const run = await node('console.log(JSON.stringify(process.env))', { environment: { A: 'b' } });
  expect(run).toMatchObject({ exitCode: 0, ended: 'by-itself' });
  expect(JSON.parse(run.output)).toEqual({ A: 'b', [RUN_VARIABLE]: join(dir, 'work') });
});

test('of much output the beginning and the end are kept, and no secret where it was cut', async () => {
  const run = await node(
    `process.stdout.write('first '); for (let i = 0; i < 40_000; i++) process.stdout.write('hush-hush '); process.stdout.write('last')`,
    { secrets: ['hush-hush'], maxOutputBytes: 2_048 },
  );
  expect(run.output).toMatch(/^first \*\*\* .*bytes left out.* \*\*\* last$/s);
  expect(run.output.length).toBeLessThan(2_200);
  expect(run.output).not.toMatch(/hush|ush-/);
});

test('at the deadline it is asked to end, and ended with all that it started when it doesn’t', async () => {
  const asked = await node(
    `process.on('SIGTERM', () => { console.log('asked'); process.exit(3) }); setInterval(() => {}, 9)`,
    {
      deadlineMs: 3_000,
      graceMs: 5_000,
    },
  );
  expect(asked).toMatchObject({ ended: 'deadline', exitCode: undefined, output: 'asked\n' });
  const stubborn = await node(
    `process.on('SIGTERM', () => {});
     console.log(require('node:child_process').spawn('/bin/sleep', ['300'], { stdio: 'inherit' }).pid);
     setInterval(() => {}, 9)`,
    { deadlineMs: 3_000, graceMs: 200 },
  );
  expect(stubborn).toMatchObject({ ended: 'deadline', exitCode: undefined });
  expect(identify(Number(stubborn.output.trim()))).toBeUndefined();
});

test('what left its group and its folder ends with the run that started it', async () => {
  const run = await node(
    `const child = require('node:child_process').spawn('/bin/sleep', ['300'], { detached: true, cwd: '/', stdio: 'ignore' });
     child.unref(); console.log(child.pid)`,
  );
  expect(run.exitCode).toBe(0);
  expect(identify(Number(run.output.trim()))).toBeUndefined();
});

test('what a killed predecessor left is ended, by its group alone if need be; a reused pid is not', async () => {
  const workDir = join(dir, 'work');
  const child = spawn('/bin/sleep', ['300'], { detached: true, cwd: '/', env: {}, stdio: 'ignore' });
  const left = identify(child.pid!)!;
  await rememberRun(workDir, { ...left, startTicks: '1' });
  await endLeftovers(workDir);
  expect(alive(left), 'another process with that pid').toBe(true);
  await rememberRun(workDir, left);
  await endLeftovers(workDir);
  expect(alive(left)).toBe(false);
});

test('a program that isn’t there is said so, and an assignment that is taken back ends it', async () => {
  const missing = await node('', { command: ['/nowhere/at-all'] });
  expect(missing).toMatchObject({ exitCode: 127, output: expect.stringContaining('/nowhere/at-all') });
  const controller = new AbortController();
  const run = node('setInterval(() => {}, 9)', { signal: controller.signal });
  controller.abort();
  expect(await run).toMatchObject({ ended: 'aborted', exitCode: undefined });
  await writeFile(join(dir, 'not-a-folder'), '');
  await expect(node('', { cwd: join(dir, 'missing') })).rejects.toThrow(/ENOENT/);
});
