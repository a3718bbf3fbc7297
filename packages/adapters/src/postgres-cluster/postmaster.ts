import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, type ProcessIdentity } from '../machine/process-identity.ts';
import { worksIn } from '../machine/processes-in.ts';

/** A living postmaster of a data folder. */
export interface Postmaster extends ProcessIdentity {
  readonly port: number;
  /** It accepts connections (the last line of its own lock file says so). */
  readonly ready: boolean;
}

/**
 * Finds the postmaster of a data folder by its lock file and makes sure that the process is really it: a postmaster,
 * and each of its children, works in its data folder, while a pid may have been reused since a kill -9.
 */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const lines = await lockFile(data);
  const pid = Number(lines?.[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const identity = identify(pid);
  if (!identity || !worksIn(pid, await realpath(data))) return undefined;
  return { ...identity, port: Number(lines?.[3]), ready: lines?.[7]?.trim() === 'ready' };
}

/** The lock file's process, when one has that pid but is not a postmaster of this folder. */
export async function lockFileIsStale(data: string): Promise<boolean> {
  const pid = Number((await lockFile(data))?.[0]);
  return Number.isSafeInteger(pid) && pid > 0 && identify(pid) !== undefined && !worksIn(pid, await realpath(data));
}

async function lockFile(data: string): Promise<string[] | undefined> {
  try {
    return (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
