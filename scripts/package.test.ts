/** What is published, as a user has it: unpacked below node_modules, beside the packages that it depends on. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RealServer } from '@headgate/server/testing/real-server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dependencies, PROGRAMS, ROOT } from './package/shipped.ts';

const run = promisify(execFile);
let folder: string;
let packed: string;
let modules: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-packed-'));
  await run(process.execPath, [join(ROOT, 'scripts/package.ts'), folder]);
  packed = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
  modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'headgate'), { recursive: true });
  await run('tar', ['-xzf', packed, '--strip-components=1', '-C', join(modules, 'headgate')]);
  // What npm would install is here already; our own packages aren't among it, they come along.
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (name !== '@headgate' && !name.startsWith('.'))
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  mkdirSync(join(modules, '@headgate'));
  for (const name of readdirSync(join(ROOT, 'node_modules', '@headgate')))
    if (name.startsWith('postgres-'))
      symlinkSync(join(ROOT, 'node_modules/@headgate', name), join(modules, '@headgate', name));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = (name: string): string => join(modules, 'headgate', 'bin', `${name}.js`);
const filesOf = (): string[] =>
  readdirSync(join(modules, 'headgate'), { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));

test('is JavaScript alone, without tests and what only they use', () => {
  const files = filesOf();
  expect(files.length).toBeGreaterThan(300);
  expect(files.filter((name) => /\.ts$|\.test\.|test-support|\/testing\/|testkit|simulator/.test(name))).toEqual([]);
  // A module that is named as TypeScript would be looked for in vain.
  const named = files
    .filter((name) => name.endsWith('.js'))
    .filter((name) => {
      const text = readFileSync(join(modules, 'headgate', name), 'utf8');
      return /(?:from |import\(|new URL\()\s*'[^']*\.ts'/.test(text);
    });
  expect(named).toEqual([]);
});

test('pins what it depends on, brings our own along, and runs no script', () => {
  const manifest = JSON.parse(readFileSync(join(modules, 'headgate/package.json'), 'utf8'));
  const { theirs, ours } = dependencies();
  expect(manifest.dependencies).toEqual({ ...theirs, ...ours });
  for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(manifest.bundleDependencies).toEqual(Object.keys(ours));
  expect(manifest.scripts).toBeUndefined();
  expect(manifest.private).toBeUndefined();
});

test('the same sources give the same bytes', async () => {
  const again = join(folder, 'again');
  await run(process.execPath, [join(ROOT, 'scripts/package.ts'), again]);
  const [name] = readdirSync(again);
  expect(readFileSync(join(again, name!)).equals(readFileSync(packed))).toBe(true);
}, 60_000);

test.each(Object.keys(PROGRAMS))('%s says how it is used', async (name) => {
  const { stdout } = await run(process.execPath, [program(name), '--help']);
  expect(stdout).toContain(name);
});

test.each(Object.keys(PROGRAMS))('%s says of which version it is', async (name) => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const { stdout } = await run(process.execPath, [program(name), '--version']);
  expect(stdout).toBe(`${name} ${version}\n`);
});

test('on an older Node it says what it needs, and starts nothing', () => {
  const old = join(folder, 'old.mjs');
  const text = readFileSync(program('headgate'), 'utf8').replace('#!/usr/bin/env node\n', '');
  writeFileSync(old, `Object.defineProperty(process.versions, 'node', { value: '20.1.0' });\n${text}`);
  expect(() => execFileSync(process.execPath, [old], { stdio: 'pipe' })).toThrow(/needs Node 24 or later/);
});

test('its server starts with a database of its own, reads documents on a thread aside, serves the page, and ends when told', async () => {
  const server = await RealServer.start({ main: program('headgate-server') });
  try {
    const documents = join(ROOT, 'examples/psa/headgate');
    const args = ['--json', 'apply', '-f', documents, '--dry-run'];
    const env = { ...process.env, HEADGATE_DATA: server.dataDir };
    const { stdout } = await run(process.execPath, [program('headgate'), ...args], { env });
    expect(JSON.parse(stdout)).toBeTruthy();
    const page = await (await fetch(`${server.url}/`)).text();
    const [, script] = /<script type="module" src="(\/assets\/[^"]+\.js)">/.exec(page) ?? [];
    expect((await fetch(`${server.url}${script}`)).headers.get('content-type')).toContain('text/javascript');
  } finally {
    await server.remove();
  }
}, 60_000);
