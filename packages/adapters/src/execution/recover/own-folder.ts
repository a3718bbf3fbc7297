/**
 * The folder that a person names for what is brought back. Until it runs there, what lies in it is production's data that nobody
 * looks after: what a call makes it takes away again when it comes to no good end, and what one left that was killed the next
 * one takes away.
 */
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import { closedFolder } from '../../machine/reachable.ts';
import { Cluster } from '../../postgres-cluster/cluster.ts';
import type { Programs } from '../../postgres-cluster/programs.ts';

export interface OwnFolderAsk {
  readonly to: string;
  readonly store: { readonly cluster: { readonly programs: Programs } };
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Between two looks whether a PostgreSQL that recovers is to be ended. Milliseconds. */
const END_MS = 500;

/** There while something is being brought back: whose process, as text. */
const MARK = '.headgate-recovering';
/** All that a recovery makes in its folder. */
const OURS = ['cluster', 'points', 'wal', 'pgbackrest', 'filestore', MARK] as const;

/** Does the work in the folder, which has to be empty or not there yet. A denial or an error leaves it as it was found. */
export async function inOwnFolder<T>(ask: OwnFolderAsk, work: () => Promise<Answer<T>>): Promise<Answer<T>> {
  const { to, signal, say } = ask;
  const made = (await mkdir(to, { recursive: true, mode: 0o755 })) !== undefined;
  const free = await isFree(ask);
  if (!free.ok) {
    if (made) await rmdir(to);
    return free;
  }
  await writeFile(join(to, MARK), `${process.pid}\n`, { mode: 0o600, flag: 'wx' });
  let done = false;
  // It recovers for hours, and hears nothing of the signal.
  const ending = setInterval(() => {
    if (signal.aborted)
      void clusterIn(ask)
        .stop(0)
        .catch(() => undefined);
  }, END_MS);
  try {
    const answer = await work();
    signal.throwIfAborted();
    done = answer.ok;
    if (done) await rm(join(to, MARK));
    return answer;
  } catch (error) {
    // What PostgreSQL says of having been ended is of no interest.
    signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(ending);
    if (!done) {
      await clear(ask);
      if (made) await rmdir(to).catch(() => undefined);
      say(`Nothing is left of it in ${to}.`);
    }
  }
}

async function isFree(ask: OwnFolderAsk): Promise<Answer<void>> {
  const { to, store, say } = ask;
  const names = await readdir(to);
  if (names.length > 0) {
    const notEmpty = denied('rejected', `${to} isn't empty; name a folder of its own`);
    if (!names.includes(MARK) || names.some((name) => !OURS.some((ours) => ours === name))) return notEmpty;
    const pid = Number((await readFile(join(to, MARK), 'utf8')).trim());
    if (isAlive(pid))
      return denied('rejected', `another process (${pid}) is bringing a store back in ${to}; name another folder`);
    await clear(ask);
    say(`What an interrupted recovery had left in ${to} is removed.`);
  }
  const { user } = store.cluster.programs;
  const closed = user && (await closedFolder(to, user));
  return closed
    ? denied(
        'rejected',
        `${closed} is closed to the user ${user.name}, who runs what is brought back; name a folder that it can reach`,
      )
    : granted(undefined);
}

/** A PostgreSQL may run there still; the mark goes last, so that what is half removed is known as ours. */
async function clear(ask: OwnFolderAsk): Promise<void> {
  await clusterIn(ask).stop(0);
  for (const name of OURS) await rm(join(ask.to, name), { recursive: true, force: true });
}

function clusterIn({ to, store }: OwnFolderAsk): Cluster {
  return new Cluster({ dir: join(to, 'cluster'), port: 1 }, store.cluster.programs);
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
