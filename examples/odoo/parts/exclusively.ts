import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Does something that only one process of this machine may do at a time. The lock is the kernel's, held by a child whose
 * input is a pipe from us: it goes with us, however we end. Throws when another holds it for longer than `waitMs`.
 */
export async function exclusively<T>(file: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const seconds = String(Math.ceil(waitMs / 1000));
  const holder = spawn('/usr/bin/flock', ['--wait', seconds, file, '/usr/bin/cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
  });
  holder.stdin.on('error', () => {}); // it ended: the exit tells
  const ended = new Promise<'ended'>((resolve, reject) => {
    holder.once('error', reject);
    holder.once('close', () => resolve('ended'));
  });
  ended.catch(() => {}); // looked at below
  try {
    // What comes back has gone through `cat`, which runs once the lock is held.
    holder.stdin.write('held\n');
    if ((await Promise.race([once(holder.stdout, 'data'), ended])) === 'ended')
      throw new Error(`another process holds ${file} for longer than ${seconds} s`);
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
