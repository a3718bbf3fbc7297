import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alive, identify, type ProcessIdentity } from '@headgate/adapters/machine/process-identity';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endLeftovers, noteProcess } from './own-processes.ts';

let dir: string;
const started: ProcessIdentity[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-own-'));
});
afterEach(async () => {
  for (const each of started.splice(0)) if (alive(each)) process.kill(each.pid, 'SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

async function sleeper(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', detached: true });
  await once(child, 'spawn');
  const identity = identify(child.pid as number) as ProcessIdentity;
  started.push(identity);
  return identity;
}

/** As if whoever noted it were another process: one that lives, or one that is gone. */
async function ownedBy(owner: ProcessIdentity): Promise<void> {
  const file = join(dir, 'demo-processes.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), owner }));
}

test('what a killed demonstration left running is ended, the last started first', async () => {
  const [server, agent] = [await sleeper(), await sleeper()];
  await noteProcess(dir, 'server', server.pid);
  await noteProcess(dir, 'agent', agent.pid);
  const killed = await sleeper();
  process.kill(killed.pid, 'SIGKILL');
  await expect.poll(() => alive(killed)).toBe(false);
  await ownedBy(killed);
  const said: string[] = [];
  await endLeftovers(dir, (line) => said.push(line));
  expect([alive(server), alive(agent)]).toEqual([false, false]);
  expect(said.map((line) => /^the (\w+) that an earlier start left/.exec(line)?.[1])).toEqual(['agent', 'server']);
});

test('nothing is touched while whoever started it lives', async () => {
  const server = await sleeper();
  await noteProcess(dir, 'server', server.pid);
  await endLeftovers(dir, () => {});
  await ownedBy(await sleeper());
  await endLeftovers(dir, () => {});
  expect(alive(server)).toBe(true);
});

test('a second start, whose server hasn’t got the folder, leaves the notes of the first', async () => {
  const customers = await sleeper();
  await noteProcess(dir, 'customers', customers.pid);
  const first = await sleeper();
  await ownedBy(first);
  const refused = await sleeper();
  await noteProcess(dir, 'server', refused.pid, { sure: false });
  process.kill(first.pid, 'SIGKILL');
  await expect.poll(() => alive(first)).toBe(false);
  await endLeftovers(dir, () => {});
  expect([alive(customers), alive(refused)]).toEqual([false, true]);
});

test('a server that isn’t ready yet is noted where nobody else is at work, and in place of one that is gone', async () => {
  const killed = await sleeper();
  await noteProcess(dir, 'server', killed.pid, { sure: false });
  process.kill(killed.pid, 'SIGKILL');
  await expect.poll(() => alive(killed)).toBe(false);
  const server = await sleeper();
  await noteProcess(dir, 'server', server.pid, { sure: false });
  const later = await sleeper();
  await noteProcess(dir, 'server', later.pid, { sure: false });
  await ownedBy(killed);
  await endLeftovers(dir, () => {});
  expect([alive(server), alive(later)]).toEqual([false, true]);
});

test('a process that only has the pid of one is left alone', async () => {
  const other = await sleeper();
  await noteProcess(dir, 'server', other.pid);
  const file = join(dir, 'demo-processes.json');
  const noted = JSON.parse(await readFile(file, 'utf8'));
  noted.owner.startTicks = '1';
  noted.processes.server.startTicks = '1';
  await writeFile(file, JSON.stringify(noted));
  await endLeftovers(dir, () => {});
  expect(alive(other)).toBe(true);
});
