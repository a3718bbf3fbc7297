/**
 * `npm run package [-- FOLDER] [--image]`: builds what is published, headgate-VERSION.tgz, into a folder (default dist/). The
 * same sources give the same bytes. Prints the file's path, size and SHA-256. With `--image` it is also installed, without
 * the embedded database, into FOLDER/headgate, from where packaging/Dockerfile takes it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { argv, stdout } from 'node:process';
import { parseArgs } from 'node:util';
import { layOut } from './package/lay-out.ts';

const { values, positionals } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: { image: { type: 'boolean', default: false } },
});
const to = resolve(positionals[0] ?? 'dist');
const folder = mkdtempSync(join(tmpdir(), 'headgate-package-'));
try {
  layOut(folder);
  mkdirSync(to, { recursive: true });
  const answer = npm(folder, 'pack', '--json', '--ignore-scripts', '--pack-destination', to);
  const [{ filename }] = JSON.parse(answer) as [{ filename: string }];
  const file = join(to, filename);
  const bytes = readFileSync(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  stdout.write(`${file}\n${(bytes.length / 1_024).toFixed(0)} kB, sha256 ${sha256}\n`);
  if (values.image) install(file, join(to, 'headgate'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function install(file: string, into: string): void {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into);
  writeFileSync(join(into, 'package.json'), '{ "private": true }\n');
  npm(
    into,
    'install',
    '--omit=optional',
    '--omit=dev',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--silent',
    file,
  );
  stdout.write(`${into}: what the image is built from\n`);
}

function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
