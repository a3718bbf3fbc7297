/** `bin/launch.cjs` installs unless what is there is what the lockfile names, whatever the list that npm left says or has become. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const LAUNCH = join(import.meta.dirname, '..', 'bin', 'launch.cjs');
/** Says that it was asked to install; what it is asked for stands in its arguments. */
const NPM = `require('node:fs').appendFileSync(process.env.ASKED, process.argv.slice(2).join(' ') + '\\n');`;
const ENTRY = { version: '1.2.3', integrity: 'sha512-abc' };
const LOCKFILE = {
  packages: {
    '': { name: 'here' },
    'node_modules/one': ENTRY,
    'node_modules/other-platform': { ...ENTRY, optional: true },
    'packages/own': { version: '0.1.0' },
  },
};

let dir: string;
let asked: string;
const list = () => join(dir, 'node_modules', '.package-lock.json');
const stamp = () => join(dir, 'node_modules', '.headgate-installed');

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-launch-'));
  asked = join(dir, 'asked');
  const node = join(dir, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  await mkdir(join(node, '..'), { recursive: true });
  await mkdir(join(dir, 'node_modules', 'one'));
  await mkdir(join(dir, 'bin'));
  await cp(LAUNCH, join(dir, 'bin', 'launch.cjs'));
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify(LOCKFILE));
  await writeFile(join(dir, 'npm.js'), NPM);
  await writeFile(node, '#!/bin/sh\necho "ran $*"\n');
  await chmod(node, 0o755);
  await writeFile(list(), JSON.stringify({ packages: { 'node_modules/one': ENTRY } }));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Starts a program by it, and answers whether npm was asked. */
async function launched(): Promise<boolean> {
  const env = { ...process.env, npm_execpath: join(dir, 'npm.js'), ASKED: asked };
  const { stdout } = await promisify(execFile)(process.execPath, [join(dir, 'bin', 'launch.cjs'), 'main.ts', 'word'], {
    env,
  });
  expect(stdout).toBe(`ran ${join(dir, 'main.ts')} word\n`);
  const calls = await readFile(asked, 'utf8').catch(() => '');
  if (calls !== '') expect(calls).toMatch(/^ci .*--ignore-scripts/);
  return calls !== '';
}

test('what somebody’s own npm ci brought is taken as it is, without what is for other platforms, and remembered', async () => {
  expect(await launched()).toBe(false);
  expect(await readFile(stamp(), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  await rm(list());
  expect(await launched()).toBe(false);
});

test.each<[string, unknown]>([
  ['names another version', { packages: { 'node_modules/one': { ...ENTRY, version: '1.2.4' } } }],
  ['names other bytes', { packages: { 'node_modules/one': { ...ENTRY, integrity: 'sha512-xyz' } } }],
  ['lacks a package', { packages: {} }],
  ['has nothing in a package’s place', { packages: { 'node_modules/one': null } }],
  ['has a word in a package’s place', { packages: { 'node_modules/one': 'node_modules/one' } }],
  ['has no packages', {}],
  ['has a word for its packages', { packages: 'node_modules/one' }],
  ['is nothing', null],
])('a list that %s isn’t believed', async (_what, content) => {
  await writeFile(list(), JSON.stringify(content));
  expect(await launched()).toBe(true);
});

test('nor is one that is cut off, or that names a folder that isn’t there', async () => {
  const text = await readFile(list(), 'utf8');
  await writeFile(list(), text.slice(0, 20));
  expect(await launched()).toBe(true);
  await rm(asked);
  await rm(stamp());
  await writeFile(list(), text);
  await rm(join(dir, 'node_modules', 'one'), { recursive: true });
  expect(await launched()).toBe(true);
});

test('a lockfile that changed since is installed anew, whatever the list says', async () => {
  expect(await launched()).toBe(false);
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify({ ...LOCKFILE, more: true }));
  expect(await launched()).toBe(true);
});
