import { readFileSync } from 'node:fs';
import { bootId } from './boot-identity.ts';

/** One process, for ever: pids are reused, the start time (field 22 of /proc/<pid>/stat, in ticks) within one boot isn't. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

/** Identity of a living process; `undefined` when none has this pid, or when it is a zombie waiting for its parent. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The second field is the program's name in brackets and may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields[19];
  if (startTicks === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks, bootId: bootId() };
}

/** A tick of the times that Linux tells user space in; always this long there (USER_HZ). Milliseconds. */
const TICK_MS = 10;

/** How long ago it was started, whether it still lives or not. Milliseconds; of another boot: since this one at least. */
export function ageMs({ startTicks, bootId: boot }: ProcessIdentity): number {
  const upMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1_000;
  return boot === bootId() ? Math.max(0, upMs - Number(startTicks) * TICK_MS) : upMs;
}

/** Whether exactly this process still lives. */
export function alive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false;
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** Signals exactly this process, never one that took over its pid. Returns whether it was there. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!alive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Whether we have the right to signal what has this pid; of nobody's pid it is true: there is nothing to be refused. */
export function maySignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM';
  }
}

/** Waits until the process is gone. Returns false when it still lives at the deadline (milliseconds from now). */
export async function gone(identity: ProcessIdentity, deadlineMs: number): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  while (alive(identity)) {
    if (performance.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  return true;
}
