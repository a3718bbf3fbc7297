import { readdir, readlink, realpath } from 'node:fs/promises';

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
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const works = await Promise.all(pids.map((pid) => worksIn(pid, real)));
  return pids.filter((_, i) => works[i]);
}

/** Whether the process works in that folder (its real path). */
export async function worksIn(pid: number, realFolder: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === realFolder;
  } catch {
    return false; // gone meanwhile, or another user's: not ours
  }
}
