import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exclusively } from './exclusively.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-lock-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('what is exclusive happens one after the other, also when one of them fails', async () => {
  const lock = join(dir, 'lock');
  let within = 0;
  let most = 0;
  const work = (n: number) =>
    exclusively(lock, 30_000, async () => {
      most = Math.max(most, ++within);
      await new Promise((done) => setTimeout(done, 30));
      within--;
      if (n === 1) throw new Error('this one fails');
      return n;
    });
  const ends = await Promise.allSettled([0, 1, 2, 3].map(work));
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(most).toBe(1);
});

test('who waits too long is told for what', async () => {
  const lock = join(dir, 'lock');
  await exclusively(lock, 1_000, async () => {
    await expect(exclusively(lock, 1_000, async () => 'got it')).rejects.toThrow(`another process holds ${lock}`);
  });
});
