/**
 * age's format (age-encryption.org/v1), streamed. The header, which wraps a fresh key for each recipient, is the library's; the
 * content is encrypted here by Node's own ChaCha20-Poly1305, which is several times as fast as one in JavaScript: 64 KiB at
 * a time, each chunk counted in its nonce and the last one marked, so that none can be left out, doubled or moved.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';

const CHUNK = 64 * 1024;
const TAG = 16;
const NONCE = 16;
/** So many chunks are encrypted between two times at which others have their turn. */
const AT_ONCE = 16;
/** Headers of some tens of recipients fit; what is longer is none. */
const LONGEST_HEADER = 64 * 1024;
const OPTIONS = { authTagLength: TAG } as const;

/** What can't be decrypted: not for this identity, or not what was encrypted. */
export class Undecipherable extends Error {}

/** A new identity (a secret), and the recipient that belongs to it. */
export async function newIdentity(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** Encrypts for the recipients (`age1…`). */
export async function* encrypt(
  content: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): AsyncIterable<Uint8Array> {
  const { header, fileKey } = await freshHeader(recipients);
  const nonce = randomBytes(NONCE);
  yield Buffer.concat([header, nonce]);
  const key = streamKey(fileKey, nonce);
  let counter = 0;
  const seal = (chunk: Uint8Array, last: boolean): Buffer[] => {
    const cipher = createCipheriv('chacha20-poly1305', key, chunkNonce(counter++, last), OPTIONS);
    return [cipher.update(chunk), cipher.final(), cipher.getAuthTag()];
  };
  for await (const { bytes, last } of inBatches(content, CHUNK)) {
    const out: Buffer[] = [];
    const chunks = Math.max(1, Math.ceil(bytes.length / CHUNK));
    for (let i = 0; i < chunks; i++)
      out.push(...seal(bytes.subarray(i * CHUNK, (i + 1) * CHUNK), last && i === chunks - 1));
    yield Buffer.concat(out);
  }
}

/** Decrypts with one of the identities (`AGE-SECRET-KEY-1…`). Throws {@link Undecipherable}. */
export async function* decrypt(
  content: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncIterable<Uint8Array> {
  let key: Buffer | undefined;
  let start = Buffer.alloc(0);
  let counter = 0;
  let lastLength = 0;
  const open = (chunk: Uint8Array, last: boolean): Buffer => {
    if (chunk.length < TAG) throw new Undecipherable('it ends too early');
    const body = chunk.subarray(0, chunk.length - TAG);
    const decipher = createDecipheriv('chacha20-poly1305', key!, chunkNonce(counter++, last), OPTIONS);
    decipher.setAuthTag(chunk.subarray(chunk.length - TAG));
    lastLength = body.length;
    try {
      return Buffer.concat([decipher.update(body), decipher.final()]);
    } catch {
      throw new Undecipherable(`its chunk ${counter} isn't what was encrypted`);
    }
  };
  const payload = async function* (): AsyncIterable<Uint8Array> {
    for await (const chunk of content) {
      if (key !== undefined) {
        yield chunk;
        continue;
      }
      start = Buffer.concat([start, chunk]);
      const end = headerEnd(start);
      if (end === undefined || start.length < end + NONCE) continue;
      const fileKey = await unwrap(start.subarray(0, end), identities);
      key = streamKey(fileKey, start.subarray(end, end + NONCE));
      yield start.subarray(end + NONCE);
    }
    if (key === undefined) throw new Undecipherable('it is nothing that age encrypted');
  };
  for await (const { bytes, last } of inBatches(payload(), CHUNK + TAG)) {
    const out: Buffer[] = [];
    const size = CHUNK + TAG;
    const chunks = Math.max(1, Math.ceil(bytes.length / size));
    for (let i = 0; i < chunks; i++) out.push(open(bytes.subarray(i * size, (i + 1) * size), last && i === chunks - 1));
    yield Buffer.concat(out);
  }
  if (lastLength === 0 && counter > 1) throw new Undecipherable('its last chunk is empty');
}

async function freshHeader(recipients: readonly string[]): Promise<{ header: Buffer; fileKey: Uint8Array }> {
  let fileKey: Uint8Array | undefined;
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  // A recipient of nothing: it is shown the key that the library made, and adds nothing to the header.
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = Uint8Array.from(key);
      return [];
    },
  });
  const empty = await encrypter.encrypt(new Uint8Array(0));
  return { header: Buffer.from(empty.subarray(0, empty.length - NONCE - TAG)), fileKey: fileKey! };
}

async function unwrap(header: Uint8Array, identities: readonly string[]): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return await decrypter.decryptHeader(header);
  } catch (error) {
    throw new Undecipherable((error as Error).message);
  }
}

/** Where the header ends: after the line that begins with three dashes. `undefined`: more has to be read. */
function headerEnd(start: Buffer): number | undefined {
  const found = /\n--- [A-Za-z0-9+/]{43}\n/.exec(start.subarray(0, LONGEST_HEADER).toString('latin1'));
  if (found !== null) return found.index + found[0].length;
  if (start.length >= LONGEST_HEADER) throw new Undecipherable('it is nothing that age encrypted');
  return undefined;
}

function streamKey(fileKey: Uint8Array, nonce: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32));
}

/** Eleven bytes that count, and one that marks the last chunk. */
function chunkNonce(counter: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** Several whole chunks at a time, and at last what is left: never nothing, unless there was nothing. */
async function* inBatches(
  content: AsyncIterable<Uint8Array>,
  chunk: number,
): AsyncIterable<{ readonly bytes: Uint8Array; readonly last: boolean }> {
  let held = Buffer.alloc(0);
  for await (const more of content) {
    held = held.length === 0 ? Buffer.from(more) : Buffer.concat([held, more]);
    // What may be the last chunk is kept back until more comes.
    while (held.length > chunk) {
      const whole = Math.min(AT_ONCE, Math.ceil(held.length / chunk) - 1) * chunk;
      yield { bytes: held.subarray(0, whole), last: false };
      held = held.subarray(whole);
    }
  }
  yield { bytes: held, last: true };
}
