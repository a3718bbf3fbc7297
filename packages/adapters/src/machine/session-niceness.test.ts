import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { niceSession } from './session-niceness.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** As `/autogroup-25 nice 19`. */
const niceOf = (pid: number): number =>
  Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1]);

const detached = async (): Promise<number> => {
  const child = spawn('/bin/sleep', ['30'], { detached: true, stdio: 'ignore' });
  started.push(child);
  await new Promise((resolve) => child.once('spawn', resolve));
  return child.pid!;
};

test.skipIf(!existsSync('/proc/self/autogroup'))(
  'a session yields to other sessions and takes it back; its neighbours stay as they are',
  async () => {
    const [one, other] = [await detached(), await detached()];
    await niceSession(one, 15);
    expect([niceOf(one), niceOf(other)]).toEqual([15, 0]);
    expect(getPriority(one)).toBe(getPriority());
    await niceSession(one, 0);
    expect(niceOf(one)).toBe(0);
  },
);

test('a process that is gone is left alone', async () => {
  await expect(niceSession(2 ** 22 + 1, 15)).resolves.toBeUndefined();
});
