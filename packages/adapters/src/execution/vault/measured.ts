import { createHash } from 'node:crypto';
import type { Hashing } from '../../machine/thread-hash.ts';

export interface Measure {
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Lets a stream through, at most so long, and measures it. `result` is to be asked after its end. Bytes. */
export function measured(
  content: AsyncIterable<Uint8Array>,
  most = Number.POSITIVE_INFINITY,
): {
  readonly through: AsyncIterable<Uint8Array>;
  result(): Measure;
} {
  const hash = createHash('sha256');
  let size = 0;
  return {
    through: (async function* () {
      for await (const chunk of content) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
        // One chunk too many tells that it is another one; how much more would come doesn't matter.
        if (size > most) return;
      }
    })(),
    result: () => ({ size, sha256: hash.digest('hex') }),
  };
}

/** Reads a stream to its end, or a little beyond so many bytes, and measures it; by `hash`, where that is another thread's. */
export async function measureAll(
  content: AsyncIterable<Uint8Array>,
  most: number,
  hash: Hashing = hashingHere(),
): Promise<Measure> {
  let size = 0;
  for await (const chunk of content) {
    await hash.update(chunk);
    size += chunk.length;
    // One chunk too many tells that it is another one; how much more would come doesn't matter.
    if (size > most) break;
  }
  return { size, sha256: await hash.digest() };
}

/** One on this thread. */
export function hashingHere(): Hashing {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}

/** All of a stream that is at most so long. `undefined`: it is longer. */
export async function readBounded(content: AsyncIterable<Uint8Array>, most: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
