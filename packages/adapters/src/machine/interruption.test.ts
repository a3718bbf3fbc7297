import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

/** A command that takes away what it made for `cleansMs` once it is asked, and says when that is done. */
async function command(sameMs: number, cleansMs: number): Promise<{ readonly child: ChildProcess; said(): string }> {
  const work = `const [, from, sameMs, cleansMs] = process.argv;
    const { listenForInterruption } = await import(from);
    const over = listenForInterruption({ sameMs: Number(sameMs), heard: () => process.stdout.write('heard;') });
    const alive = setInterval(() => {}, 60_000);
    process.stdout.write('at work;');
    await new Promise((resolve) => over.signal.addEventListener('abort', resolve));
    await new Promise((resolve) => setTimeout(resolve, Number(cleansMs)));
    process.stdout.write('clean;');
    over.over();
    if (process.env.STAYS === undefined) clearInterval(alive);`;
  const args = [import.meta.resolve('./interruption.ts'), String(sameMs), String(cleansMs)];
  const env = { ...process.env, ...(cleansMs === 0 && { STAYS: 'yes' }) };
  const child = spawn(process.execPath, ['--input-type=module', '-e', work, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout!.on('data', (data: Buffer) => {
    text += data.toString();
  });
  await until(() => text, 'at work;');
  return { child, said: () => text };
}

const until = (text: () => string, words: string) => expect.poll(text, { timeout: 30_000 }).toContain(words);

test('signals of one wish end nothing before it has taken away what it made', async () => {
  const { child, said } = await command(600_000, 1_000);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await until(said, 'heard;');
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) child.kill(signal);
  expect(await ended).toEqual([0, null]);
  expect(said()).toBe('at work;heard;clean;');
});

test('asked at another moment it ends at once', async () => {
  const { child, said } = await command(0, 600_000);
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  await until(said, 'heard;');
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(said()).toBe('at work;heard;');
});

test('with nothing left to take away a signal ends the process as ever', async () => {
  const { child, said } = await command(600_000, 0);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await until(said, 'clean;');
  child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
});
