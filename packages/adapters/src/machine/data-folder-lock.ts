/**
 * One server for each data folder, and a killed one is taken over.
 *
 * Node has no file locks, so the lock is a chain of files `server.lock.<n>`. The highest one names the holder. Whoever
 * finds that holder dead makes `n + 1`, and the file system lets one process do that. The highest file is never removed,
 * not even when its holder lets go (it then says so), so that a contender who slept over all of this can't win with an old
 * number. A file appears whole, by a link to a finished one: a reader never sees half of it.
 *
 * The holder is a process of this machine, told apart for ever by pid, start time and boot. A folder shared between
 * machines is beyond this lock.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileOf, holderOf, lastOf, numbersIn } from './data-folder-holder.ts';
import { alive, identify, type ProcessIdentity } from './process-identity.ts';

/** The folder belongs to a living process. */
export class DataFolderInUse extends Error {
  readonly pid: number;
  constructor(folder: string, pid: number) {
    super(
      `the data folder ${folder} is in use by the process ${pid}: stop that one, or give another folder with --data`,
    );
    this.name = 'DataFolderInUse';
    this.pid = pid;
  }
}

export interface DataFolderLock {
  /** The dead process that the folder was taken over from, if it wasn't let go. */
  readonly takenOverFrom: number | undefined;
  release(): Promise<void>;
}

/** Takes the folder for this process until it ends or releases it. Throws {@link DataFolderInUse} naming the holder. */
export async function dataFolderLock(folder: string): Promise<DataFolderLock> {
  await mkdir(folder, { recursive: true });
  const self = identify(process.pid);
  if (self === undefined) throw new Error('this process has no entry in /proc');
  for (;;) {
    const last = await lastOf(folder);
    const holder = last === 0 ? undefined : await holderOf(folder, last);
    if (holder !== undefined && alive(holder)) throw new DataFolderInUse(folder, holder.pid);
    const mine = last + 1;
    if (!(await make(folder, mine, self))) continue;
    if ((await lastOf(folder)) !== mine) {
      // We slept while others came and went: our number is old.
      await rm(fileOf(folder, mine), { force: true });
      continue;
    }
    await forgetBelow(folder, mine);
    return { takenOverFrom: holder?.pid, release: () => letGo(folder, mine) };
  }
}

/** Whether the number became ours. */
async function make(folder: string, n: number, self: ProcessIdentity): Promise<boolean> {
  const draft = await draftOf(folder, self);
  try {
    await link(draft, fileOf(folder, n));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function letGo(folder: string, n: number): Promise<void> {
  await rename(await draftOf(folder, { released: true }), fileOf(folder, n));
}

async function draftOf(folder: string, content: object): Promise<string> {
  const draft = join(folder, `.server.lock-${process.pid}-${randomBytes(6).toString('hex')}`);
  await writeFile(draft, `${JSON.stringify(content)}\n`, { mode: 0o644, flag: 'wx' });
  return draft;
}

async function forgetBelow(folder: string, n: number): Promise<void> {
  for (const old of await numbersIn(folder)) if (old < n) await rm(fileOf(folder, old), { force: true });
}
