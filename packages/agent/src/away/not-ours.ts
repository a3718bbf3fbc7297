import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Refusal } from '@headgate/domain';

/**
 * Why this process may not do the agent's work in a data folder: what it writes there would be its user's alone, and the
 * agent, which is another's, could not read it and never start again. Undefined: it may.
 */
export async function notOurs(
  dataDir: string,
  look: (path: string) => Promise<{ readonly uid: number }> = stat,
  self: number | undefined = process.geteuid?.(),
  what = 'go back where no agent runs',
): Promise<Refusal | undefined> {
  const folder = await look(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (folder === undefined)
    return {
      code: 'no-data',
      what,
      where: dataDir,
      why: 'there is no such folder',
      unblock: 'name the agent’s own --config',
    };
  if (folder.uid === self) return undefined;
  const user = await nameOf(folder.uid);
  const why = `it belongs to ${user}, who could not read what another user writes there`;
  return { code: 'other-user', what, where: dataDir, why, unblock: `run it as ${user}` };
}

/** As this machine calls a user; nobody's number stays a number. */
async function nameOf(uid: number): Promise<string> {
  const said = await promisify(execFile)('id', ['-nu', String(uid)], { timeout: 5_000 }).catch(() => undefined);
  return said?.stdout.trim() || `uid ${uid}`;
}
