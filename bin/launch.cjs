#!/usr/bin/env node
// Starts a TypeScript file of this repository under the Node that the repository brings along, from any Node since 20.
// Plain CommonJS without dependencies, because it runs before anything is installed: on a fresh clone it installs first.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { constants } = require('node:os');
const { join } = require('node:path');

const ROOT = join(__dirname, '..');
const STAMP = join(ROOT, 'node_modules', '.headgate-installed');

function fail(message) {
  process.stderr.write(`headgate: ${message}\n`);
  process.exit(1);
}

/** The programs that are pinned exist for Linux with glibc, on x64 and arm64. Anything else is refused, not guessed at. */
function platform() {
  const report = process.report?.getReport();
  const header = (report && (typeof report === 'string' ? JSON.parse(report) : report).header) || {};
  const supported =
    process.platform === 'linux' &&
    (process.arch === 'x64' || process.arch === 'arm64') &&
    Boolean(header.glibcVersionRuntime);
  if (!supported) {
    const libc = process.platform === 'linux' && !header.glibcVersionRuntime ? ' without glibc' : '';
    fail(
      `this platform is ${process.platform} ${process.arch}${libc}; the pinned Node and PostgreSQL exist for Linux with glibc on x64 or arm64. Use such a machine or a container of one.`,
    );
  }
  return `linux-${process.arch}`;
}

/**
 * Whether somebody's own `npm ci` brought all that the lockfile names: npm leaves a list of what it put there. What is
 * optional may be for another platform.
 */
function installedByNpm(lockfile) {
  const list = join(ROOT, 'node_modules', '.package-lock.json');
  let there;
  try {
    there = JSON.parse(readFileSync(list, 'utf8')).packages;
    if (typeof there !== 'object' || there === null) return false;
  } catch {
    return false;
  }
  const same = (a, b) => a.version === b.version && a.integrity === b.integrity && a.link === b.link;
  return Object.entries(JSON.parse(lockfile).packages).every(([name, wanted]) => {
    if (!/(^|\/)node_modules\//.test(name)) return true;
    const found = there[name];
    if (found === undefined) return wanted.optional === true;
    // Whatever spoiled the list: an entry that is none names no package.
    return found !== null && same(found, wanted) && existsSync(join(ROOT, name));
  });
}

/** What was installed is what the lockfile says now, or it is installed anew. */
function install(node) {
  const lockfile = readFileSync(join(ROOT, 'package-lock.json'));
  const wanted = createHash('sha256').update(lockfile).digest('hex');
  const held = existsSync(STAMP) ? readFileSync(STAMP, 'utf8').trim() : '';
  if (existsSync(node)) {
    if (held === wanted) return;
    if (held === '' && installedByNpm(lockfile)) return writeFileSync(STAMP, `${wanted}\n`);
  }
  process.stderr.write('headgate: installing the packages that the lockfile names (once; about half a minute) …\n');
  const args = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const npm = process.env.npm_execpath;
  const [command, commandArgs] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  const result = spawnSync(command, commandArgs, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.error) fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0)
    fail(`npm ci failed with exit code ${result.status}; its own message stands above. Mend that and run this again.`);
  if (!existsSync(node)) fail(`npm ci did not bring ${node}. Is "omit=optional" set in an .npmrc?`);
  mkdirSync(join(ROOT, 'node_modules'), { recursive: true });
  writeFileSync(STAMP, `${wanted}\n`);
}

const [target, ...rest] = process.argv.slice(2);
if (!target) fail('usage: launch.cjs FILE [ARGUMENT …]');
// The Node that runs this file may be the very one that `npm ci` replaces, so its path is only used after that.
const node = join(ROOT, 'node_modules', `node-${platform()}`, 'bin', 'node');
install(node);

const env = { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH || ''}` };
const child = spawn(node, [join(ROOT, target), ...rest], { stdio: 'inherit', env });
// A terminal sends Ctrl-C to both; the child decides when to end, and this one ends with it.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => fail(`${node} could not be started: ${error.message}`));
child.on('exit', (code, signal) => process.exit(signal ? 128 + (constants.signals[signal] || 0) : code));
