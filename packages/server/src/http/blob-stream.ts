/** A blob on its way out, piece by piece: what waits for a slow reader is one piece, and no session of the database. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Blobs } from '@headgate/control';
import type { Digest } from '@headgate/domain';

/** Bytes in memory for a download, about twice: one piece is sent while the next is read. */
const PIECE_BYTES = 512 * 1024;
/** How long a reader may take nothing. Milliseconds. */
const IDLE_MS = 60_000;

/** Bytes that are sent as they are read. */
export interface Octets {
  readonly total: number;
  readonly stream: Readable;
}

/**
 * The blob of a digest; undefined: there is none. `admitted` is asked before each further piece whether it may still go out. The last piece is held back until the digest of all is right: whoever has
 * got so many bytes as were announced has the right ones, and damaged ones end with a connection that breaks.
 */
export async function blobStream(
  blobs: Blobs,
  digest: Digest,
  { pieceBytes = PIECE_BYTES, idleMs = IDLE_MS, admitted = async () => true } = {},
): Promise<Octets | undefined> {
  const first = await blobs.piece(digest, 0, pieceBytes);
  if (first === undefined) return undefined;
  const { total } = first;
  const hash = createHash('sha256');
  // Pieces are read when the socket asks for them, still on behalf of who asked.
  const here = AsyncLocalStorage.snapshot();
  let at = 0;
  async function next(): Promise<Uint8Array | null> {
    if (at > 0 && at >= total) return null;
    if (at > 0 && !(await here(admitted))) throw new Error('the token of who reads a blob has ended');
    const bytes = at === 0 ? first?.bytes : (await here(() => blobs.piece(digest, at, pieceBytes)))?.bytes;
    if (bytes === undefined || (bytes.length === 0 && total > 0))
      throw new Error(`${digest} ends at byte ${at} of ${total}`);
    hash.update(bytes);
    at += bytes.length;
    if (at < total) return bytes;
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw new Error(`the control database holds other bytes under ${digest}: it was tampered with or is damaged`);
    return bytes.length === 0 ? null : bytes;
  }
  const stream: Readable = new Readable({
    highWaterMark: 1,
    read() {
      idle.refresh();
      next().then(
        (bytes) => stream.push(bytes),
        (error: Error) => stream.destroy(error),
      );
    },
    destroy(error, done) {
      clearTimeout(idle);
      done(error);
    },
  });
  const idle = setTimeout(() => stream.destroy(new Error('nobody read the rest of a blob')), idleMs);
  idle.unref();
  return { total, stream };
}
