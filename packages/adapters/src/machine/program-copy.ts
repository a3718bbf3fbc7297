import { randomBytes } from 'node:crypto';
import { chmod, copyFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { closedFolder, makeRootFolder, SYSTEM_FOLDER } from './reachable.ts';
import type { RunAs } from './run-as.ts';

/**
 * Path of a single-file program (the running Node) that `user` can start: the program itself when the user reaches it,
 * else a copy below the system folder, root's own. `name` tells versions apart: `node-v24.21.0`.
 */
export async function reachableProgram(program: string, name: string, user: RunAs | undefined): Promise<string> {
  const real = await realpath(program);
  if (!user || (await closedFolder(dirname(real), user)) === undefined) return real;
  const source = await stat(real);
  const target = join(SYSTEM_FOLDER, 'programs', name, basename(real));
  const there = await stat(target).catch(() => undefined);
  if (there && there.uid === 0 && (there.mode & 0o022) === 0 && there.size === source.size) return target;
  await makeRootFolder(dirname(target));
  const staging = `${target}.${randomBytes(4).toString('hex')}`;
  try {
    await copyFile(real, staging);
    await chmod(staging, 0o755);
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { force: true });
    throw error;
  }
  return target;
}
