/**
 * The payload of age's format (age-encryption.org/v1, "Payload"): STREAM over ChaCha20-Poly1305, by the ciphers of this
 * process. The library's own cipher is JavaScript and takes 10 s for a gigabyte; a restore point holds writers up for that.
 *
 *   key = HKDF-SHA-256(file key, salt: 16 random bytes, "payload")
 *   salt | chunk 0 | chunk 1 | … | last chunk       64 KiB each, the last one shorter or as long, a tag of 16 bytes behind each
 *   nonce of a chunk = its number, big-endian, 11 bytes | 1 for the last one, else 0
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'chacha20-poly1305';
const CHUNK = 64 * 1024;
const TAG = 16;
export const SALT = 16;
/** So many chunks go by together: what writes them down costs by the call. */
const AT_ONCE = 16;

/** A payload that isn't what was encrypted under its key. */
export class SpoiledPayload extends Error {}

/** Encrypts a payload under the file key, whose salt is new with each. */
export async function* encryptPayload(
  content: AsyncIterable<Uint8Array>,
  fileKey: Uint8Array,
): AsyncIterable<Uint8Array> {
  const salt = randomBytes(SALT);
  const key = payloadKey(fileKey, salt);
  yield salt;
  let n = 0;
  for await (const { bytes, last } of inPieces(content, AT_ONCE * CHUNK)) {
    const sealed: Buffer[] = [];
    for (let at = 0; at === 0 || at < bytes.length; at += CHUNK) {
      const chunk = bytes.subarray(at, at + CHUNK);
      const cipher = createCipheriv(CIPHER, key, nonceOf(n++, last && at + CHUNK >= bytes.length), {
        authTagLength: TAG,
      });
      sealed.push(cipher.update(chunk), cipher.final(), cipher.getAuthTag());
    }
    yield Buffer.concat(sealed);
  }
}

/** Decrypts what stands behind the salt. Nothing of a chunk goes by before its tag is right. Throws {@link SpoiledPayload}. */
export async function* decryptPayload(
  content: AsyncIterable<Uint8Array>,
  fileKey: Uint8Array,
  salt: Uint8Array,
): AsyncIterable<Uint8Array> {
  const key = payloadKey(fileKey, salt);
  let n = 0;
  for await (const { bytes, last } of inPieces(content, AT_ONCE * (CHUNK + TAG))) {
    const plain: Buffer[] = [];
    for (let at = 0; at === 0 || at < bytes.length; at += CHUNK + TAG) {
      const chunk = bytes.subarray(at, at + CHUNK + TAG);
      const opened = openChunk(chunk, key, nonceOf(n, last && at + CHUNK + TAG >= bytes.length));
      // Else the same content would have two encryptions, and one could be cut down to the other.
      if (opened.length === 0 && n > 0) throw new SpoiledPayload(`chunk ${n} is empty`);
      n += 1;
      plain.push(opened);
    }
    yield Buffer.concat(plain);
  }
}

function openChunk(chunk: Buffer, key: Buffer, nonce: Buffer): Buffer {
  if (chunk.length < TAG) throw new SpoiledPayload(`a chunk of ${chunk.length} bytes: it is cut off`);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(chunk.subarray(chunk.length - TAG));
  const plain = decipher.update(chunk.subarray(0, chunk.length - TAG));
  try {
    decipher.final();
  } catch {
    throw new SpoiledPayload('a chunk is not what was encrypted, not where it was, or not the last one');
  }
  return plain;
}

function payloadKey(fileKey: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', fileKey, salt, 'payload', 32));
}

function nonceOf(chunk: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(chunk, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/**
 * A stream in pieces of `size` bytes; the last one is as long or shorter, and empty only where all of it is. A piece is good
 * until the next one is asked for.
 */
async function* inPieces(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncIterable<{ readonly bytes: Buffer; readonly last: boolean }> {
  const piece = Buffer.allocUnsafe(size);
  let used = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; ) {
      // That it was full says nothing yet of whether it is the last.
      if (used === size) {
        yield { bytes: piece, last: false };
        used = 0;
      }
      const taken = Math.min(size - used, chunk.length - at);
      piece.set(chunk.subarray(at, at + taken), used);
      used += taken;
      at += taken;
    }
  }
  yield { bytes: piece.subarray(0, used), last: true };
}
