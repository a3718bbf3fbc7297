import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How much whatever works for a step, or for nobody in particular, lets customers go before it. */
export const STEP_NICENESS = 15;

/** No such kernel feature, the process is gone, or not ours to change: it goes on as it is. */
const LEFT_ALONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL']);
const TRIES = 5;
/** Who isn't root may change ten a second, machine-wide. Milliseconds. */
const AGAIN_MS = 150;

/**
 * Makes the whole session of a process nice towards other sessions; `0` takes it back. With autogroups (Linux'
 * `kernel.sched_autogroup_enabled`, on by default in Debian) each session is a group of its own with a full share of the
 * processor, and a process' own niceness counts among its session's alone: a program that was started detached with
 * `nice` yields to nobody next door (sched(7), "The autogroup feature"). Best effort, as niceness is.
 */
export async function niceSession(pid: number, nice: number): Promise<void> {
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      await writeFile(`/proc/${pid}/autogroup`, String(nice));
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (LEFT_ALONE.has(code)) return;
      if (code !== 'EAGAIN') throw error;
      await sleep(AGAIN_MS);
    }
  }
}
