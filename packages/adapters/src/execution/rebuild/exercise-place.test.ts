import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identify } from '../../machine/process-identity.ts';
import { sweepExercises } from './exercise-place.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'headgate-exercises-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const nameOf = (n: number): string => `exercise-${String(n).padStart(16, '0')}`;

async function left(n: number, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(root, nameOf(n)));
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, nameOf(n), name), text);
}

test('what a killed exercise left goes; one that runs, and one that is being made this moment, stay', async () => {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  const gone = JSON.stringify(identify(child.pid!));
  await once(child, 'exit');
  await left(1, { 'owner.json': gone });
  await left(2, { file: 'of an exercise whose owner was removed' });
  await left(3, { 'owner.json': JSON.stringify(identify(process.pid)) });
  await left(4, {});
  await left(5, { 'owner.json.7-0a1b2c3d.tmp': '{"pid":' });
  await mkdir(join(root, 'exercise-notes'));
  expect((await sweepExercises(root)).length).toBe(2);
  expect((await readdir(root)).sort()).toEqual([...[3, 4, 5].map(nameOf), 'exercise-notes']);
});
