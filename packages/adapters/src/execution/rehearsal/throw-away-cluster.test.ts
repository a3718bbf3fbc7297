/** What a killed rehearsal or drill left goes with the next one: folders, and whatever works in them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPrograms } from '../../postgres-cluster/programs.ts';
import { PROGRAMS, sweepClusters, throwAwayFolder } from './throw-away-cluster.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'headgate-throw-away-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A program at work in a folder of a rehearsal: directly below its programs', or one deeper. */
async function atWork(below: string): Promise<{ readonly dir: string; readonly ended: Promise<unknown[]> }> {
  const { dir } = await throwAwayFolder(root, await findPrograms(15, root), 'rehearsal');
  const cwd = join(dir, PROGRAMS, below);
  await mkdir(cwd, { recursive: true });
  const child = spawn('/bin/sleep', ['600'], { cwd, stdio: 'ignore' });
  await once(child, 'spawn');
  return { dir, ended: once(child, 'exit') };
}

test.each(['business-0', 'acme/upgrade', 'tools/acme'])(
  'a program that was left at work in %s is ended with its folder',
  async (below) => {
    const { dir, ended } = await atWork(below);
    expect(await sweepClusters(root)).toEqual([]);
    const killed = { pid: 2 ** 22 - 1, startTicks: '1', bootId: '00000000-0000-0000-0000-000000000000' };
    await writeFile(join(dir, 'owner.json'), JSON.stringify(killed));
    expect(await sweepClusters(root)).toEqual([dir]);
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(await readdir(root)).toEqual([]);
  },
);
