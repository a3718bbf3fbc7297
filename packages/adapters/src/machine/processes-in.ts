import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
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
