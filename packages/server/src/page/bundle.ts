/**
 * The page's files, held in memory: what isn't in the map isn't served, so no path leads out of it. In a source tree the
 * bundle is built when it is first asked for, by a program of `packages/web` in a process of its own: the server imports
 * nothing of it, and a server that nobody opens in a browser pays nothing.
 */
import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

export interface Bundle {
  /** With `{{nonce}}` where the nonce of its styles belongs. */
  readonly index: string;
  /** By file name; names hold a digest of the bytes. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** The bundle, or why there is none. */
export type Opened =
  | { readonly ok: true; readonly bundle: Bundle; readonly warning?: string }
  | { readonly ok: false; readonly why: string };

/** Where `packages/web` lies beside this package. */
export const WEB_FOLDER = fileURLToPath(new URL('../../../web/', import.meta.url));

/** A build takes a second; one that hangs doesn't hang the server. Milliseconds. */
const BUILD_MS = 60_000;

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Builds the bundle if this is a source tree and it is older than its sources, and reads it. Never throws. */
export async function openBundle(folder = WEB_FOLDER): Promise<Opened> {
  const failed = await build(folder);
  try {
    const bundle = await read(join(folder, 'dist'));
    return failed === undefined ? { ok: true, bundle } : { ok: true, bundle, warning: failed };
  } catch (error) {
    return { ok: false, why: failed ?? (error as Error).message };
  }
}

/** Why the build failed; undefined when it went well, or when there is nothing to build from. */
async function build(folder: string): Promise<string | undefined> {
  const program = join(folder, 'src', 'build', 'main.ts');
  const there = await access(program).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  // Nothing of this server's environment, which may hold a database's password.
  const env = { PATH: process.env.PATH ?? '' };
  return promisify(execFile)(process.execPath, [program], { env, timeout: BUILD_MS, cwd: folder }).then(
    () => undefined,
    (error: Error & { stderr?: string }) => (error.stderr || error.message).slice(0, 2_000),
  );
}

async function read(dist: string): Promise<Bundle> {
  const index = await readFile(join(dist, 'index.html'), 'utf8');
  const assets = new Map<string, PageFile>();
  for (const name of await readdir(join(dist, 'assets'))) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(join(dist, 'assets', name));
    assets.set(name, { type, bytes, gzipped: await promisify(gzip)(bytes) });
  }
  return { index, assets };
}
