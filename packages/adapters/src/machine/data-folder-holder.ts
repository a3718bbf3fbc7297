/** Who holds a data folder: read by whoever wants it, and by whoever must know that nobody works there. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alive, type ProcessIdentity } from './process-identity.ts';

const PREFIX = 'server.lock.';

/** The living process that holds a data folder; undefined: nobody does. */
export async function dataFolderHolder(folder: string): Promise<ProcessIdentity | undefined> {
  const last = await lastOf(folder);
  const holder = last === 0 ? undefined : await holderOf(folder, last);
  return holder !== undefined && alive(holder) ? holder : undefined;
}

/** The highest number of a lock; 0 where nobody ever took it. */
export async function lastOf(folder: string): Promise<number> {
  return Math.max(0, ...(await numbersIn(folder)));
}

/** All numbers of a lock that are there. */
export async function numbersIn(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(PREFIX));
  return names.map((name) => Number(name.slice(PREFIX.length))).filter((n) => Number.isSafeInteger(n) && n > 0);
}

/** Who holds a number; undefined when it was let go, or is gone because a higher one came. */
export async function holderOf(folder: string, n: number): Promise<ProcessIdentity | undefined> {
  try {
    const { pid, startTicks, bootId } = JSON.parse(await readFile(fileOf(folder, n), 'utf8'));
    return typeof pid === 'number' ? { pid, startTicks: String(startTicks), bootId: String(bootId) } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The file of a number. */
export function fileOf(folder: string, n: number): string {
  return join(folder, PREFIX + n);
}
