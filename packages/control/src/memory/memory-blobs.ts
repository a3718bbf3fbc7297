import { digestOf } from '@headgate/documents/digest';
import type { Digest } from '@headgate/domain';
import { type Blobs, checkBlob, type Piece, pieceOf } from '../ports/blobs.ts';

/** Blobs in memory. */
export class MemoryBlobs implements Blobs {
  readonly #blobs = new Map<Digest, Uint8Array>();

  async put(bytes: Uint8Array): Promise<Digest> {
    checkBlob(bytes);
    const digest = digestOf(bytes);
    // A copy, so that nobody changes what the digest names.
    if (!this.#blobs.has(digest)) this.#blobs.set(digest, Uint8Array.from(bytes));
    return digest;
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    return this.#blobs.get(digest);
  }

  async piece(digest: Digest, from: number, bytes: number): Promise<Piece | undefined> {
    return pieceOf(this.#blobs.get(digest), from, bytes);
  }
}
