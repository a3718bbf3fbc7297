import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';

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
  return allPids().filter((pid) => worksIn(pid, real));
}

/** Processes that work in a folder or anywhere below it, or that were started with a path in it. */
export async function processesBelow(folder: string): Promise<number[]> {
  const real = await realpath(folder);
  return allPids().filter((pid) => {
    const cwd = cwdOf(pid);
    return cwd === real || cwd.startsWith(real + sep) || readOfProcess(pid, 'cmdline').includes(real);
  });
}

/**
 * Processes that work in a folder or below it, or that were started with a path there, relative ones too; without this one
 * and those that it was started by, which may only have named it.
 */
export async function processesAt(folder: string): Promise<number[]> {
  const real = await realpath(folder);
  const isThere = (path: string): boolean => path === real || path.startsWith(real + sep);
  const own = new Set(lineage(process.pid));
  return allPids().filter((pid) => {
    if (own.has(pid)) return false;
    const cwd = cwdOf(pid);
    if (isThere(cwd)) return true;
    const words = readOfProcess(pid, 'cmdline').split('\0');
    // `--data=FOLDER` names it as well as `--data FOLDER`.
    return words.some((word) => isThere(resolve(cwd || sep, word.slice(word.indexOf('=') + 1))) || word.includes(real));
  });
}

/** A process, whoever started it, and so on up. */
export function lineage(pid: number): readonly number[] {
  const line = [pid];
  for (let at = pid; at > 1; ) {
    const stat = readOfProcess(at, 'stat');
    // The second field is the program's name in brackets and may itself hold blanks and brackets.
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (!(at > 0) || line.includes(at)) break;
    line.push(at);
  }
  return line;
}

/**
 * All that there are. Like the others here it reads at once and not by way of the thread pool: /proc is memory and never makes
 * us wait, and hundreds of processes by three trips each were most of what an agent took of the processor.
 */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** A file of a process; empty when the process is gone meanwhile, or is another user's, and so not ours. */
export function readOfProcess(pid: number, file: 'cmdline' | 'environ' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Where a process works; empty when it is gone meanwhile, or is another user's, and so not ours. */
export function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** Whether the process works in that folder (its real path). */
export function worksIn(pid: number, realFolder: string): boolean {
  return cwdOf(pid) === realFolder;
}
