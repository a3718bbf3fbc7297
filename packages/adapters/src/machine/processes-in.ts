import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { sep } from 'node:path';

/**
 * Processes whose working folder this is. Children inherit it, it survives the death of whoever started them, and no
 * reused pid has it by accident: how orphans are found that no pid file names.
 */
export async function processesIn(folder: string): Promise<number[]> {
  let real: string;
  try {
    real = await realpath(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const pids = await allPids();
  const works = await Promise.all(pids.map((pid) => worksIn(pid, real)));
  return pids.filter((_, i) => works[i]);
}

/** Processes that work in a folder or anywhere below it, or that were started with a path in it. */
export async function processesBelow(folder: string): Promise<number[]> {
  const real = await realpath(folder);
  const pids = await allPids();
  const below = await Promise.all(
    pids.map(async (pid) => {
      const [cwd, command] = await Promise.all([
        readlink(`/proc/${pid}/cwd`).catch(() => ''),
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      ]);
      return cwd === real || cwd.startsWith(real + sep) || command.includes(real);
    }),
  );
  return pids.filter((_, i) => below[i]);
}

async function allPids(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Whether the process works in that folder (its real path). */
export async function worksIn(pid: number, realFolder: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === realFolder;
  } catch {
    return false; // gone meanwhile, or another user's: not ours
  }
}
