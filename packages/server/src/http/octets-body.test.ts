import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readOctets } from './octets-body.ts';

const NEVER = { pace: { bytes: 10, part: 0, withinMs: 60_000 } };

test('a body comes whole, an empty one too', async () => {
  expect((await readOctets(Readable.from([Buffer.from('ab'), Buffer.from('c')]), 3, NEVER)).toString()).toBe('abc');
  expect(await readOctets(Readable.from([]), 3, NEVER)).toHaveLength(0);
});

test('one that is larger than its bound is not read to its end', async () => {
  const payload = Readable.from(Array.from({ length: 1_000 }, () => Buffer.from('x')));
  await expect(readOctets(payload, 3, NEVER)).rejects.toMatchObject({ statusCode: 413 });
  expect(payload.readableEnded).toBe(false);
});

test('one that announces more than its bound is not read at all', async () => {
  const payload = Readable.from([Buffer.from('x')]);
  await expect(readOctets(payload, 3, { announcedBytes: 4 })).rejects.toMatchObject({ statusCode: 413 });
  expect(payload.readableFlowing).toBe(null);
});

test('one that comes a byte at a time ends', async () => {
  const payload = new PassThrough();
  const drip = setInterval(() => payload.write('x'), 1);
  await expect(readOctets(payload, 1_000_000, { pace: { bytes: 1_000, part: 0, withinMs: 20 } })).rejects.toMatchObject(
    {
      statusCode: 408,
    },
  );
  clearInterval(drip);
});

test('one whose caller is gone ends', async () => {
  const payload = new PassThrough();
  payload.write('x');
  setImmediate(() => payload.destroy());
  await expect(readOctets(payload, 1_000, NEVER)).rejects.toThrow('gone');
});

test('a large one must come faster than a small one', async () => {
  const pace = { bytes: 1, part: 1 / 10, withinMs: 100 };
  // Each drop is enough for a small one and too little for a large one, however seldom the machine lets it fall.
  const drip = (payload: PassThrough) => setInterval(() => payload.write('x'.repeat(20)), 1);
  const large = new PassThrough();
  const dripping = drip(large);
  await expect(readOctets(large, 1_000_000, { announcedBytes: 100_000, pace })).rejects.toMatchObject({
    statusCode: 408,
  });
  clearInterval(dripping);
  const small = new PassThrough();
  const other = drip(small);
  setTimeout(() => small.end(), 250);
  expect((await readOctets(small, 1_000_000, { announcedBytes: 100, pace })).length).toBeGreaterThan(0);
  clearInterval(other);
});

test('one for which there is no room any more ends with what refuses it', async () => {
  const payload = Readable.from([Buffer.from('ab'), Buffer.from('c')]);
  const refusal = { code: 'too-busy', what: '', where: '', why: '', unblock: '' };
  const take = (bytes: number) => (bytes === 1 ? refusal : undefined);
  await expect(readOctets(payload, 10, { ...NEVER, take })).rejects.toMatchObject({ refusal });
});
