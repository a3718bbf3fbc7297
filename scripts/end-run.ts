/**
 * Ends what a run left behind in a folder of its own, and removes the folder: `end-run.ts FOLDER`. Processes are found by
 * where they work and what they were started with, below the folder or below the homes of the data folders in it; nobody
 * else's are looked at. Nothing is left when the run stopped what it started, which is the rule.
 */
import { readdir, readlink, realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { argv, exit, pid, stderr } from 'node:process';
import { POINTER } from '@headgate/adapters/machine/home-record';
import { alive, identify, type ProcessIdentity, signalProcess } from '@headgate/adapters/machine/process-identity';
import { processesBelow } from '@headgate/adapters/machine/processes-in';
import { HOMES } from '@headgate/adapters/machine/reachable';
import { ancestors } from './end-run/ancestors.ts';

/** How deep in the folder data folders stand. */
const DEPTH = 3;
/** Asked kindly, asked as PostgreSQL wants to be asked, and not asked; and how long each has. Milliseconds. */
const STAGES = [
  ['SIGTERM', 5_000],
  ['SIGINT', 10_000],
  ['SIGKILL', 5_000],
] as const;

const given = argv[2];
if (given === undefined || given === '/') {
  stderr.write('usage: end-run.ts FOLDER\n');
  exit(2);
}
const folder = await realpath(given);
const places = [folder, ...(await homesBelow(folder, DEPTH))];
for (const [signal, patienceMs] of STAGES) {
  const left = await lefts();
  if (left.length === 0) break;
  for (const each of left) {
    stderr.write(`left behind and ended (${signal}): process ${each.pid}\n`);
    signalProcess(each, signal);
  }
  const until = performance.now() + patienceMs;
  while (performance.now() < until && left.some(alive)) await new Promise((done) => setTimeout(done, 50));
}
const stuck = await lefts();
for (const each of stuck) stderr.write(`process ${each.pid} doesn't end\n`);
for (const place of places) await rm(place, { recursive: true, force: true });
exit(stuck.length === 0 ? 0 : 1);

/** Living processes of the run; not this one, nor whoever started it. */
async function lefts(): Promise<readonly ProcessIdentity[]> {
  const ours = ancestors(pid);
  const found = new Map<number, ProcessIdentity>();
  for (const place of places)
    for (const each of await processesBelow(place).catch(() => [])) {
      const identity = ours.has(each) ? undefined : identify(each);
      if (identity) found.set(each, identity);
    }
  return [...found.values()];
}

/** The system folders of the data folders in a folder. */
async function homesBelow(dir: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const homes: string[] = [];
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && depth > 0) homes.push(...(await homesBelow(path, depth - 1)));
    if (!entry.isSymbolicLink() || entry.name !== POINTER) continue;
    const home = await readlink(path);
    if (dirname(home) === HOMES) homes.push(home);
  }
  return homes;
}
