import { once } from 'node:events';
import type { Blobs } from '@headgate/control';
import { MemoryBlobs } from '@headgate/control/memory/index';
import { digestOf } from '@headgate/documents/digest';
import { expect, test } from 'vitest';
import { blobStream } from './blob-stream.ts';

const BYTES = Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 7) % 256));
const DIGEST = digestOf(BYTES);

/** Blobs that count what was read of them; `spoil` changes a piece on its way. */
async function counting(spoil = (bytes: Uint8Array) => bytes) {
  const under = new MemoryBlobs();
  await under.put(BYTES);
  const read = { pieces: 0 };
  const blobs: Blobs = {
    put: (bytes) => under.put(bytes),
    get: (digest) => under.get(digest),
    async piece(digest, from, bytes) {
      const piece = await under.piece(digest, from, bytes);
      read.pieces += 1;
      return piece && { ...piece, bytes: spoil(piece.bytes) };
    },
  };
  return { blobs, read };
}

test.each([1, 99, 100, 1_000, 5_000])('a blob goes out whole in pieces of %i bytes', async (pieceBytes) => {
  const { blobs } = await counting();
  const out = await blobStream(blobs, DIGEST, { pieceBytes });
  expect(out?.total).toBe(1_000);
  expect(Buffer.concat(await out!.stream.toArray()).equals(BYTES)).toBe(true);
});

test('an empty one goes out, and one that is not there does not', async () => {
  const { blobs } = await counting();
  const out = await blobStream(blobs, await blobs.put(new Uint8Array()));
  expect(await out!.stream.toArray()).toEqual([]);
  expect(await blobStream(blobs, digestOf('never'))).toBeUndefined();
});

test('nothing more is read while nobody takes what was', async () => {
  const { blobs, read } = await counting();
  const out = await blobStream(blobs, DIGEST, { pieceBytes: 10 });
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(read.pieces).toBe(1);
  out?.stream.read();
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(read.pieces).toBeLessThanOrEqual(3);
  out?.stream.destroy();
});

test('whoever reads nothing for too long is not waited for', async () => {
  const { blobs } = await counting();
  const out = await blobStream(blobs, DIGEST, { pieceBytes: 10, idleMs: 5 });
  const [error] = await once(out!.stream, 'error');
  expect((error as Error).message).toContain('nobody read');
});

test('damaged bytes never come whole: the last piece stays away', async () => {
  const { blobs } = await counting((bytes) => Buffer.from(bytes).fill(1));
  const out = await blobStream(blobs, DIGEST, { pieceBytes: 300 });
  let got = 0;
  await expect(async () => {
    for await (const chunk of out!.stream) got += (chunk as Buffer).length;
  }).rejects.toThrow('tampered with');
  expect(got).toBeLessThan(BYTES.length);
});
