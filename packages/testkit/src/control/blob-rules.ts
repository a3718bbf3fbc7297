import { digestOf } from '@headgate/documents/digest';
import { expect, test } from 'vitest';
import type { World } from './world.ts';

export function blobRules(of: () => World): void {
  test('bytes come back under their digest, however often they are put', async () => {
    const { blobs } = of().under;
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 256));
    const digests = await Promise.all([blobs.put(bytes), blobs.put(bytes), blobs.put(Uint8Array.from(bytes))]);
    expect(new Set(digests)).toEqual(new Set([digestOf(bytes)]));
    expect(Buffer.from((await blobs.get(digests[0]))!).equals(bytes)).toBe(true);
    expect(await blobs.get(await blobs.put(new Uint8Array()))).toHaveLength(0);
  });

  test('a blob comes back piece by piece, each of which says how much there is', async () => {
    const { blobs } = of().under;
    const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, i) => (i * 7) % 256));
    const digest = await blobs.put(bytes);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 300) {
      const piece = await blobs.piece(digest, at, 300);
      expect(piece?.total).toBe(1_000);
      pieces.push(piece?.bytes as Uint8Array);
    }
    expect(pieces.map(({ length }) => length)).toEqual([300, 300, 300, 100]);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    expect((await blobs.piece(digest, 1_000, 300))?.bytes).toHaveLength(0);
    expect(await blobs.piece(await blobs.put(new Uint8Array()), 0, 300)).toMatchObject({ total: 0 });
  });

  test('what was never put is not there', async () => {
    expect(await of().under.blobs.piece(digestOf('never'), 0, 1)).toBeUndefined();
    expect(await of().under.blobs.get(digestOf('never'))).toBeUndefined();
  });

  test('a blob that is too large is refused', async () => {
    await expect(of().under.blobs.put(new Uint8Array(64 * 1024 * 1024 + 1))).rejects.toThrow(/at most 67108864/);
  });
}
