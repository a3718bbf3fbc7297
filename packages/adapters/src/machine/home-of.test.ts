import { cp, link, mkdir, mkdtemp, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeOf } from './home-of.ts';
import { homeFor } from './reachable.ts';

let dir: string;
let homes: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-home-of-'));
  homes = join(dir, 'homes');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const user = { name: 'nobody', uid: 65_534, gid: 65_534 };
const at = (name: string): string => join(dir, name);
async function made(): Promise<string> {
  return homeFor(at('a'), user, homes);
}
const copied = (from: string, to: string) => cp(at(from), at(to), { recursive: true, verbatimSymlinks: true });

/** As where homes lie on another file system than the data folder: the pointer has no second name. */
async function apart(home: string, device?: string): Promise<void> {
  await rm(join(home, 'pointer'));
  if (device === undefined) return;
  const file = join(home, 'data-folder.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/"device":"\d+"/, `"device":"${device}"`));
}

test('a home is that of the folder that it was made for, there and wherever that one is moved', async () => {
  const home = await made();
  expect(await homeOf(at('a'), homes)).toEqual({ path: home, own: true, of: at('a') });
  await rename(at('a'), at('moved'));
  expect(await homeOf(at('moved'), homes)).toEqual({ path: home, own: true, of: at('a') });
});

test('a copy never has it: not while the original is at its place, nor once that one moved, nor from that place', async () => {
  await made();
  await copied('a', 'copy');
  const isCopy = { own: false, of: at('a'), doubt: { why: expect.stringContaining('is a copy of it') } };
  expect(await homeOf(at('copy'), homes)).toMatchObject(isCopy);
  await rename(at('a'), at('moved'));
  expect(await homeOf(at('copy'), homes)).toMatchObject(isCopy);
  await rename(at('copy'), at('a'));
  expect(await homeOf(at('a'), homes)).toMatchObject(isCopy);
  expect(await homeOf(at('moved'), homes)).toMatchObject({ own: true });
});

test('nothing starts in a copy as long as the original is somewhere; afterwards it takes its place', async () => {
  const home = await made();
  await copied('a', 'copy');
  const before = await readFile(join(home, 'data-folder.json'), 'utf8');
  await expect(homeFor(at('copy'), user, homes)).rejects.toThrow(`is a copy of a data folder that is still somewhere`);
  await rename(at('a'), at('moved'));
  await expect(homeFor(at('copy'), user, homes)).rejects.toThrow('Use the original');
  expect(await readFile(join(home, 'data-folder.json'), 'utf8')).toBe(before);
  await rm(at('moved'), { recursive: true });
  expect(await homeFor(at('copy'), user, homes)).toBe(home);
  expect(await homeOf(at('copy'), homes)).toMatchObject({ own: true, of: at('copy') });
});

test('a copy made of hard links leaves both in doubt until one of them is gone', async () => {
  await made();
  await mkdir(at('hard'));
  await link(join(at('a'), 'system'), join(at('hard'), 'system'));
  for (const name of ['a', 'hard'])
    expect(await homeOf(at(name), homes), name).toMatchObject({
      own: false,
      doubt: { why: expect.stringContaining('hard links') },
    });
  await rm(at('hard'), { recursive: true });
  expect(await homeOf(at('a'), homes)).toMatchObject({ own: true });
});

test('what was put back at its place from a backup has it; at another place that is in doubt until a server started there', async () => {
  await made();
  await copied('a', 'backup');
  await rm(at('a'), { recursive: true });
  const doubt = { why: expect.stringContaining("can't be told"), unblock: expect.stringContaining('start the server') };
  expect(await homeOf(at('backup'), homes)).toMatchObject({ own: false, doubt });
  await copied('backup', 'a');
  expect(await homeOf(at('a'), homes)).toMatchObject({ own: true });
  await homeFor(at('backup'), user, homes);
  expect(await homeOf(at('backup'), homes)).toMatchObject({ own: true, of: at('backup') });
});

test('where the pointer has no second name only the noted place on the noted file system has it', async () => {
  const home = await made();
  await apart(home);
  expect(await homeOf(at('a'), homes)).toMatchObject({ own: true });
  await copied('a', 'copy');
  await rename(at('a'), at('moved'));
  for (const name of ['copy', 'moved'])
    expect(await homeOf(at(name), homes), name).toMatchObject({ own: false, doubt: { why: expect.any(String) } });
  await rename(at('moved'), at('a'));
  await homeFor(at('a'), user, homes);
  await apart(home, '99999');
  expect(await homeOf(at('a'), homes), 'another file system stands at the place').toMatchObject({ own: false });
});

test('one that does not say whose it is is nobody’s, and a link to elsewhere is none', async () => {
  await mkdir(join(homes, '0123456789ab'), { recursive: true });
  await mkdir(at('old'));
  await symlink(join(homes, '0123456789ab'), join(at('old'), 'system'));
  expect(await homeOf(at('old'), homes)).toMatchObject({ own: false, of: undefined });
  await mkdir(at('odd'));
  await symlink(dir, join(at('odd'), 'system'));
  expect(await readlink(join(at('odd'), 'system'))).toBe(dir);
  expect(await homeOf(at('odd'), homes)).toBeUndefined();
});
