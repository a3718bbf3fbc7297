import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeFor } from './reachable.ts';
import { sweepHomes } from './sweep-homes.ts';

let dir: string;
let homes: string;
const lines: string[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-homes-'));
  homes = join(dir, 'homes');
  lines.length = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const user = { name: 'nobody', uid: 65_534, gid: 65_534 };
/** A data folder with a home that holds something and was last of use some time ago. */
async function dataFolder(name: string, daysAgo = 31): Promise<{ data: string; home: string }> {
  const data = join(dir, name);
  const home = await homeFor(data, user, homes);
  await mkdir(join(home, 'control-database', 'data'), { recursive: true });
  await writeFile(join(home, 'control-database', 'data', 'PG_VERSION'), '18\n');
  await unused(home, daysAgo);
  return { data, home };
}
async function unused(home: string, days: number): Promise<void> {
  const at = Date.now() / 1_000 - days * 86_400;
  await utimes(join(home, 'data-folder.json'), at, at);
}
const sweep = async () => {
  await sweepHomes((line) => lines.push(line), homes);
  return readdir(homes);
};
const there = async (...of: { home: string }[]) => of.map(({ home }) => basename(home)).sort();

test('a home goes once its data folder is gone; those of others stay, and keep what is in them', async () => {
  const gone = await dataFolder('gone');
  const kept = await dataFolder('kept');
  expect(await sweep()).toEqual(await there(gone, kept));
  expect(lines).toEqual([]);
  await rm(gone.data, { recursive: true });
  expect(await sweep()).toEqual(await there(kept));
  expect(lines).toEqual([`${gone.home} was removed: the data folder ${gone.data} that it belonged to is gone`]);
  expect(await readFile(join(kept.home, 'control-database', 'data', 'PG_VERSION'), 'utf8')).toBe('18\n');
});

test('a data folder that was made anew has a new home, and the old one goes', async () => {
  const old = await dataFolder('again');
  await rm(old.data, { recursive: true });
  const fresh = await dataFolder('again');
  expect(await sweep()).toEqual(await there(fresh));
});

test('a home stays for thirty days after its last use', async () => {
  const early = await dataFolder('early', 29);
  await rm(early.data, { recursive: true });
  expect(await sweep()).toEqual(await there(early));
  await unused(early.home, 31);
  expect(await sweep()).toEqual([]);
});

test('a data folder that was moved keeps its home, and says at its next start where it is', async () => {
  const moved = await dataFolder('before');
  await rename(moved.data, join(dir, 'after'));
  expect(await sweep()).toEqual(await there(moved));
  expect(await homeFor(join(dir, 'after'), user, homes)).toBe(moved.home);
  await unused(moved.home, 31);
  expect(await sweep()).toEqual(await there(moved));
  await rm(join(dir, 'after'), { recursive: true });
  expect(await sweep()).toEqual([]);
});

test('where the pointer has no second name, a home stays for thirty days, and while the file system is another', async () => {
  const apart = await dataFolder('apart', 29);
  await rm(join(apart.home, 'pointer'));
  await rm(apart.data, { recursive: true });
  expect(await sweep()).toEqual(await there(apart));
  const file = join(apart.home, 'data-folder.json');
  const record = await readFile(file, 'utf8');
  await writeFile(file, record.replace(/"device":"\d+"/, '"device":"99999"'));
  await unused(apart.home, 31);
  expect(await sweep(), 'not mounted').toEqual(await there(apart));
  await writeFile(file, record);
  await unused(apart.home, 31);
  expect(await sweep()).toEqual([]);
});

test('a home in which a process works, or that one was started with, stays', async () => {
  for (const where of ['in', 'with'] as const) {
    const busy = await dataFolder(where);
    const data = join(busy.home, 'control-database', 'data');
    await rm(busy.data, { recursive: true });
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', ...(where === 'with' ? [data] : [])], {
      cwd: where === 'in' ? data : dir,
      stdio: 'ignore',
    });
    await once(child, 'spawn');
    try {
      expect(await sweep(), where).toEqual(await there(busy));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(await sweep(), where).toEqual([]);
  }
});

test('what does not say whose it is is never removed, nor what is no home, but it is told', async () => {
  for (const name of ['0123456789ab', 'ba9876543210', 'not-a-home'])
    await mkdir(join(homes, name), { recursive: true });
  await writeFile(join(homes, 'ba9876543210', 'data-folder.json'), '{');
  const old = Date.now() / 1_000 - 365 * 86_400;
  await utimes(join(homes, '0123456789ab'), old, old);
  expect(await sweep()).toEqual(['0123456789ab', 'ba9876543210', 'not-a-home']);
  expect(lines).toEqual([
    expect.stringContaining('ba9876543210 was left alone'),
    `1 folders of ${homes} don't say which data folder they belong to, and were left alone`,
  ]);
});

test('what links point to outlives them, and what a killed sweep left goes', async () => {
  const outside = join(dir, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'precious'), 'x');
  const gone = await dataFolder('gone');
  await symlink(outside, join(gone.home, 'link'));
  await rm(gone.data, { recursive: true });
  await mkdir(join(homes, '.gone-0123456789ab', 'half'), { recursive: true });
  expect(await sweep()).toEqual([]);
  expect(await stat(join(outside, 'precious'))).toBeDefined();
});

test('a home that is used again is noted again, and the pointer keeps two names', async () => {
  const { data, home } = await dataFolder('again', 5);
  await homeFor(data, user, homes);
  expect(Date.now() - (await stat(join(home, 'data-folder.json'))).mtimeMs).toBeLessThan(60_000);
  expect((await lstat(join(data, 'system'))).nlink).toBe(2);
});

test('nothing to sweep is no trouble', async () => {
  await sweepHomes((line) => lines.push(line), join(dir, 'nowhere'));
  expect(lines).toEqual([]);
});
