import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { ageMs, identify } from './process-identity.ts';

const NAME = 'headgate-yielding';
/** How long a process makes way for everybody. Milliseconds. */
const MOST_MS = 30_000;
/** How often it is looked for who has done so long enough. Milliseconds. */
const LOOK_MS = 5_000;
/** What the agent's own group is called where its service manager handed it a subtree (cgroup v2, `Delegate=`). */
const OWN = 'agent';

/** No such feature, the process is gone, or not ours to change: everything goes on as it is. */
const LEFT_ALONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EROFS', 'EINVAL', 'EBUSY', 'ENODEV', 'EOPNOTSUPP']);

/**
 * Puts a process into a control group that gets the processor when nobody else wants it (`cpu.idle`, Linux 5.15), or out
 * again, to where the agent is itself. Being nice isn't enough for who shares a machine with customers: a nice process that
 * is at work keeps its time slice of some milliseconds when another one wakes up, and one request of a customer wakes up
 * web server and database dozens of times. What is idle makes way at once. Best effort, as niceness is: without the rights,
 * or in a container that may not do it, nothing happens. What the process starts later is born into the same group.
 *
 * Beside a machine that is full nothing of it would ever be done, and somebody waits for it: half a minute after a process
 * was started it is taken out, and is as nice as it was made.
 */
export async function yieldProcessor(pid: number, yields: boolean): Promise<void> {
  const groups = await own();
  if (groups === undefined) return;
  await leftAlone(async () => {
    // Only what was put there is taken out: where else a process may be is nobody's business here.
    if (!yields && !(await isYielding(pid))) return;
    await move(pid, yields ? groups.yielding : groups.home);
  });
  if (yields) takeOutLater();
}

/**
 * Takes out whatever was started longer ago than this (milliseconds), also what an agent put there that is gone. Returns how
 * many are left in.
 */
export async function takeOutOld(mostMs: number): Promise<number> {
  const groups = await own();
  if (groups === undefined) return 0;
  let left = 0;
  const listed = await readFile(join(groups.yielding, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of listed.split('\n').filter(Boolean).map(Number)) {
    const process = identify(pid);
    if (process === undefined) continue;
    if (ageMs(process) > mostMs) await leftAlone(() => move(pid, groups.home));
    else left += 1;
  }
  return left;
}

function move(pid: number, group: string): Promise<void> {
  return writeFile(join(group, 'cgroup.procs'), String(pid));
}

let waiting = false;

/** One look at a time is waited for; while somebody is in the group there is another one. */
function takeOutLater(): void {
  if (waiting) return;
  waiting = true;
  const look = async () => {
    waiting = false;
    if ((await takeOutOld(MOST_MS).catch(() => 1)) > 0) takeOutLater();
  };
  setTimeout(() => void look(), LOOK_MS).unref();
}

/** Whether it is in such a group, of whichever agent. */
export async function isYielding(pid: number): Promise<boolean> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).split('\n');
  return lines.some((line) => basename(line) === NAME);
}

interface Groups {
  readonly home: string;
  readonly yielding: string;
}

/** Made once: the folders stay where they are as long as this process does. */
let made: Promise<Groups | undefined> | undefined;

function own(): Promise<Groups | undefined> {
  made ??= (async () => {
    const read = (file: string) => readFile(file, 'utf8').catch(() => '');
    const groups = groupsOf(await read('/proc/self/cgroup'), await read('/proc/self/mountinfo'));
    if (groups === undefined || !(await prepared(groups))) return undefined;
    takeOutLater();
    return groups;
  })();
  return made;
}

async function prepared({ yielding }: Groups): Promise<boolean> {
  return leftAlone(async () => {
    await mkdir(yielding).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await writeFile(join(yielding, 'cpu.idle'), '1');
  });
}

/**
 * Where this process is in the hierarchy that shares out processors, and where those go that make way: below it in the first
 * version of control groups; beside it in the second, where a group with processes has none below it, and only where the
 * agent was given the group above (packaging/systemd). `cgroup` and `mountinfo` as in `/proc/self`.
 */
export function groupsOf(cgroup: string, mountinfo: string): Groups | undefined {
  for (const line of cgroup.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const second = controllers === '';
    if (!second && !controllers.split(',').includes('cpu')) continue;
    if (second && basename(path) !== OWN) continue;
    const home = folderOf(path, mountinfo, second);
    if (home !== undefined) return { home, yielding: join(second ? dirname(home) : home, NAME) };
  }
  return undefined;
}

function folderOf(path: string, mountinfo: string, second: boolean): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [root = '', at = ''] = before.split(' ').slice(3, 5);
    const [type, , options = ''] = after.split(' ');
    const fits = second ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes('cpu');
    const below = relative(root, path);
    if (fits && at !== '' && !below.startsWith('..')) return join(at, below);
  }
  return undefined;
}

async function leftAlone(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (LEFT_ALONE.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
