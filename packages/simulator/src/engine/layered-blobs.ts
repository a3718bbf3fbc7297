import { type Blobs, type Piece, pieceOf } from '@headgate/control';
import { digestOf } from '@headgate/documents';
import type { Digest, Plan } from '@headgate/domain';

/** Blobs of one run on top of its fleet's. */
export class LayeredBlobs implements Blobs {
  readonly #below: Blobs;
  readonly #own = new Map<Digest, Uint8Array>();

  constructor(below: Blobs) {
    this.#below = below;
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    this.#own.set(digest, bytes);
    return digest;
  }

  async get(digest: Digest): Promise<Uint8Array | undefined> {
    return this.#own.get(digest) ?? this.#below.get(digest);
  }

  async piece(digest: Digest, from: number, bytes: number): Promise<Piece | undefined> {
    return pieceOf(this.#own.get(digest), from, bytes) ?? this.#below.piece(digest, from, bytes);
  }

  planOf(digest: Digest): Plan | undefined {
    const bytes = this.#own.get(digest);
    return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString('utf8'));
  }
}
