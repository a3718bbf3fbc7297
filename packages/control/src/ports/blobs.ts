import type { Digest } from '@headgate/domain';

/** Bytes by their digest: artifacts, plans, bundles, documents, reports. Writing the same bytes twice is one blob. */
export interface Blobs {
  /** At most 64 MiB; larger is refused by an error that says so. */
  put(bytes: Uint8Array): Promise<Digest>;
  get(digest: Digest): Promise<Uint8Array | undefined>;
  /** At most so many bytes from an offset on, unchecked: whoever has put all pieces together compares their digest. */
  piece(digest: Digest, from: number, bytes: number): Promise<Piece | undefined>;
}

export interface Piece {
  /** Bytes of the whole blob. */
  readonly total: number;
  readonly bytes: Uint8Array;
}

/** A piece of bytes that are held in memory. */
export function pieceOf(bytes: Uint8Array | undefined, from: number, most: number): Piece | undefined {
  return bytes && { total: bytes.length, bytes: bytes.subarray(from, from + most) };
}

/** Largest blob in bytes. */
export const MAX_BLOB_BYTES = 64 * 1024 * 1024;

/** Throws a RangeError for bytes that are too many. */
export function checkBlob(bytes: Uint8Array): void {
  if (bytes.length > MAX_BLOB_BYTES) {
    throw new RangeError(`a blob has at most ${MAX_BLOB_BYTES} bytes, not ${bytes.length}`);
  }
}
