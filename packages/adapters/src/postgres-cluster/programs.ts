import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { closedFolder, makeRootFolder, SYSTEM_FOLDER } from '../machine/reachable.ts';
import { type RunAs, requireNamedUser, runAs } from '../machine/run-as.ts';

export type PostgresMajor = 15 | 18;

/** PostgreSQL's server programs, ready to be started, and the user to start them as. */
export interface Programs {
  readonly major: PostgresMajor;
  /** The package's version, for people: `15.18.0-beta.17`. */
  readonly version: string;
  /** Folder that holds initdb, pg_ctl and postgres. */
  readonly bin: string;
  /** `undefined`: as ourselves. */
  readonly user: RunAs | undefined;
}

/**
 * Finds the pinned programs of a major version and puts them where they can run: in place if they can be used there,
 * else copied (as root into a system folder, owned by root; as an ordinary user into `dataDir`). Throws an error that
 * says what is missing on a platform without them.
 */
export async function findPrograms(major: PostgresMajor, dataDir?: string): Promise<Programs> {
  const name = packageName(major);
  const source = dirname(packageFile(name));
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
  requireNamedUser();
  const user = runAs();
  const folder = `pg-${version}-${process.arch}`;

  if (!user) {
    if (await usableInPlace(source)) return { major, version, bin: join(source, 'native', 'bin'), user };
    if (!dataDir)
      throw new Error(`${name} can't be used in place (library links are missing and ${source} can't be written)`);
    return {
      major,
      version,
      bin: join(await install(source, join(resolve(dataDir), 'programs', folder)), 'bin'),
      user,
    };
  }
  // Always a copy of root's own: the package's folder may lie in a closed home, and may belong to somebody else.
  const target = join(SYSTEM_FOLDER, 'programs', folder);
  await makeRootFolder(dirname(target));
  const bin = join(await install(source, target), 'bin');
  const closed = await closedFolder(bin, user);
  if (closed)
    throw new Error(`${closed} is closed to the user ${user.name}, who runs PostgreSQL; open it with chmod o+x`);
  return { major, version, bin, user };
}

/** The npm package of this platform, or an error that says which platforms there are. */
export function packageName(
  major: PostgresMajor,
  platform = { os: process.platform as string, arch: process.arch as string, glibc: glibcVersion() },
): string {
  const known = platform.os === 'linux' && (platform.arch === 'x64' || platform.arch === 'arm64');
  if (!known || platform.glibc === undefined) {
    const libc = platform.os === 'linux' && platform.glibc === undefined ? ' without glibc' : '';
    throw new Error(
      `The embedded PostgreSQL runs on Linux x64 and arm64 with glibc, and this is ${platform.os} ${platform.arch}${libc}; use such a machine, or an external PostgreSQL (--database-url)`,
    );
  }
  return `@headgate/postgres-${major}-linux-${platform.arch}`;
}

function glibcVersion(): string | undefined {
  // Without this the report looks up names of network peers, which can take seconds.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

function packageFile(name: string): string {
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(dirname(entry)), 'package.json');
  } catch {
    throw new Error(
      `The package ${name} isn't installed (it is an optional dependency); run npm install without --omit=optional`,
    );
  }
}

/** Whether the programs find their libraries where the package stands; mends the links when the folder is ours to write. */
async function usableInPlace(source: string): Promise<boolean> {
  try {
    await linkLibraries(source, join(source, 'native'));
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return false;
    throw error;
  }
}

/** Copies the programs beside the target and renames, so that a target that exists is whole. */
async function install(source: string, target: string): Promise<string> {
  if (await stat(target).catch(() => undefined)) {
    await requireOurs(target);
    return target;
  }
  await mkdir(dirname(target), { recursive: true });
  const staging = join(dirname(target), `.${basename(target)}-${randomBytes(4).toString('hex')}`);
  try {
    await cp(join(source, 'native'), staging, { recursive: true, verbatimSymlinks: true });
    await linkLibraries(source, staging);
    await chmod(staging, 0o755);
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    // Somebody else was quicker: theirs is as good.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    await requireOurs(target);
  }
  return target;
}

async function requireOurs(target: string): Promise<void> {
  const info = await stat(join(target, 'bin', 'postgres'));
  if (info.uid !== process.geteuid?.() || (info.mode & 0o022) !== 0) {
    throw new Error(
      `${target} isn't ours alone to write, so what stands in it isn't trusted; remove it and start again`,
    );
  }
}

/** npm packages can't hold symbolic links and the package's postinstall may not have run: recreate them from its list. */
async function linkLibraries(source: string, native: string): Promise<void> {
  const list = JSON.parse(await readFile(join(source, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const entry of list) {
    const from = inside(native, entry.source);
    const link = inside(native, entry.target);
    if (await lstat(link).catch(() => undefined)) continue;
    try {
      await symlink(relative(dirname(link), from), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function inside(native: string, listed: string): string {
  const path = resolve(native, relative('native', listed));
  if (!path.startsWith(native + sep))
    throw new Error(`pg-symlinks.json names ${listed}, which lies outside of the package`);
  return path;
}
