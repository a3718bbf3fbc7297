import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HashThread } from './thread-hash.ts';

let thread: HashThread;
beforeAll(() => {
  thread = new HashThread();
});
afterAll(() => thread.close());

const sumOf = (chunks: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
};

test('streams that are hashed at once have their own sums, however they are cut', async () => {
  const streams = fc.array(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(streams, async (all) => {
      const sums = await Promise.all(
        all.map(async (chunks) => {
          const hash = thread.begin();
          for (const chunk of chunks) await hash.update(chunk);
          return hash.digest();
        }),
      );
      expect(sums).toEqual(all.map(sumOf));
    }),
  );
});

test('more than is under way at once is hashed, and memory may be filled anew after each piece', async () => {
  const piece = new Uint8Array(1024 * 1024 * 3 + 7);
  const hash = thread.begin();
  const expected = createHash('sha256');
  for (let n = 0; n < 12; n++) {
    piece.fill(n);
    expected.update(piece);
    await hash.update(piece);
  }
  expect(await hash.digest()).toBe(expected.digest('hex'));
});

test('a flipped byte is another sum', async () => {
  const bytes = new Uint8Array(100_000);
  const [one, other] = [thread.begin(), thread.begin()];
  await one.update(bytes);
  bytes[99_999] = 1;
  await other.update(bytes);
  expect(await one.digest()).not.toBe(await other.digest());
});

test('a thread that has ended tells everybody, whoever waits and whoever comes', async () => {
  const ending = new HashThread();
  const hash = ending.begin();
  await hash.update(new Uint8Array(10));
  await ending.close();
  await expect(hash.digest()).rejects.toThrow('the thread that hashes has ended');
  await expect(hash.update(new Uint8Array(10))).rejects.toThrow('the thread that hashes has ended');
});
