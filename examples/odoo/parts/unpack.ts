import { spawn } from 'node:child_process';
import { lstat, mkdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeRootFolder, SYSTEM_FOLDER } from '@headgate/adapters/machine/reachable';
import type { OdooPackage } from './odoo-package.ts';
import { runProgram } from './run-program.ts';

/** Translations, documents and the countries' charts of accounts: two thirds of the package, and nothing here needs them. */
const LEFT_OUT = ['*.po', '*.pot', './usr/share/doc', 'l10n_*'];

/** Folders of the system's that the package's own links lead to, as they would where it is installed. */
const SHARED = ['javascript', 'fonts', 'fonts-font-awesome'];

/** Unpacks the package into a system folder that everyone may read and returns it. A folder that is there is whole. */
export async function unpackOdoo(odoo: OdooPackage): Promise<string> {
  const place = join(SYSTEM_FOLDER, 'odoo');
  const dir = join(place, `${odoo.version.replace(/[^0-9A-Za-z.+~-]/g, '_')}-${odoo.sha256.slice(0, 12)}`);
  if (await stat(dir).catch(() => undefined)) {
    await linkShared(dir);
    return dir;
  }
  await makeRootFolder(place);
  const staging = `${dir}.new`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o755 });
  await untar(odoo.file, staging);
  // Whoever runs Odoo can't write here, so its byte code is made now: a start takes 1 s in place of 4 s.
  const code = join(staging, 'usr/lib/python3/dist-packages');
  const compile = ['/usr/bin/python3', '-m', 'compileall', '-q', '-j', '2', '-s', staging, '-p', dir, 'odoo'];
  // Ends with 1 for templates of modules, which are no Python.
  await runProgram(compile, { cwd: code, timeoutMs: 300_000 }).catch(() => '');
  await linkShared(staging);
  await rename(staging, dir);
  return dir;
}

async function linkShared(dir: string): Promise<void> {
  await makeRootFolder(join(dir, 'usr/share'));
  for (const name of SHARED) {
    const link = join(dir, 'usr/share', name);
    if (!(await lstat(link).catch(() => undefined))) await symlink(join('/usr/share', name), link);
  }
}

async function untar(file: string, into: string): Promise<void> {
  const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
  const deb = spawn('/usr/bin/dpkg-deb', ['--fsys-tarfile', file], {
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const excludes = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
  const tar = spawn('/usr/bin/tar', ['-x', '-C', into, '--no-same-owner', ...excludes], {
    env: environment,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  tar.stdin.on('error', () => {}); // tar ended early: its exit code tells
  deb.stdout.pipe(tar.stdin);
  let said = '';
  tar.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-1_000);
  });
  const [unpacked, written] = await Promise.all(
    [deb, tar].map(
      (child) =>
        new Promise<number | null>((resolve, reject) => {
          child.once('error', reject);
          child.once('close', resolve);
        }),
    ),
  );
  if (unpacked !== 0 || written !== 0) throw new Error(`${file} can't be unpacked into ${into}: ${said.trim()}`);
}
