import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readIfThere, writeDurably } from './durable-file.ts';
import { KeptReading } from './kept-reading.ts';

let dir: string;
let reads: number;
let reading: KeptReading<string | undefined>;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-kept-'));
  reads = 0;
  reading = new KeptReading(
    (key) => [join(dir, key), join(dir, 'beside')],
    (key) => {
      reads += 1;
      return readIfThere(join(dir, key));
    },
  );
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('files that stay the same are read once; what isn’t there is a reading too, and ends when it comes', async () => {
  expect([await reading.of('a'), await reading.of('a')]).toEqual([undefined, undefined]);
  await writeDurably(join(dir, 'a'), 'one');
  expect([await reading.of('a'), await reading.of('a')]).toEqual(['one', 'one']);
  expect(reads).toBe(2);
  await rm(join(dir, 'a'));
  expect(await reading.of('a')).toBeUndefined();
});

test.each<[string, (path: string) => Promise<void>]>([
  ['replaced by one of the same size', (path) => writeDurably(path, 'two')],
  ['overwritten in place by one of the same size', (path) => writeFile(path, 'two')],
  [
    'overwritten in place, and given its old time back',
    async (path) => {
      await writeFile(path, 'two');
      await utimes(path, new Date(0), new Date(0));
    },
  ],
])('a file that was %s is read anew', async (_how, change) => {
  const path = join(dir, 'a');
  await writeFile(path, 'one');
  await utimes(path, new Date(0), new Date(0));
  expect(await reading.of('a')).toBe('one');
  // Times of change count the system's ticks.
  await new Promise((done) => setTimeout(done, 20));
  await change(path);
  expect(await reading.of('a')).toBe('two');
});

test('any of the files that a reading depends on makes it anew, and a failed one is not kept', async () => {
  await writeFile(join(dir, 'a'), 'one');
  await reading.of('a');
  await writeFile(join(dir, 'beside'), '1');
  await reading.of('a');
  expect(reads).toBe(2);
  let fails = true;
  const moody = new KeptReading(
    () => [join(dir, 'a')],
    async () => {
      if (fails) throw new Error('not now');
      return 'then';
    },
  );
  await expect(moody.of('a')).rejects.toThrow('not now');
  fails = false;
  expect(await moody.of('a')).toBe('then');
});
