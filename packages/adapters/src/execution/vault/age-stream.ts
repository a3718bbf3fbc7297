/**
 * age's format (age-encryption.org/v1), streamed. Who may open it is decided in the header, which is the library's alone; the
 * payload behind it goes through the ciphers of this process ({@link ./age-payload.ts}), ten times as fast.
 */
import { decryptPayload, encryptPayload, SALT, SpoiledPayload } from './age-payload.ts';

/** Loaded when something is sealed or opened: its curves are a megabyte of code, and most agents keep no vault. */
const library = () => import('age-encryption');

/** What can't be decrypted: not for this identity, or not what was encrypted. */
export class Undecipherable extends Error {}

/** A header is a line and a few for each recipient: what goes on for longer is none. Bytes. */
const MOST_HEADER = 128 * 1024;
/** What the library writes behind the header for nothing at all: a salt, and the tag of an empty chunk. */
const EMPTY_PAYLOAD = SALT + 16;

/** A new identity (a secret), and the recipient that belongs to it. */
export async function newIdentity(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await library();
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** Encrypts for the recipients (`age1…`). */
export async function* encrypt(
  content: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): AsyncIterable<Uint8Array> {
  const { header, fileKey } = await newHeader(recipients);
  yield header;
  yield* encryptPayload(content, fileKey);
}

/** Decrypts with one of the identities (`AGE-SECRET-KEY-1…`). Throws {@link Undecipherable}, and what the content throws as it is. */
export async function* decrypt(
  content: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncIterable<Uint8Array> {
  const chunks = content[Symbol.asyncIterator]();
  try {
    const { Decrypter } = await library();
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    const { header, salt, behind } = await split(chunks);
    const fileKey = await decrypter.decryptHeader(header).catch((error: Error) => {
      throw new Undecipherable(error.message);
    });
    yield* decryptPayload(onward(behind, chunks), fileKey, salt);
  } catch (error) {
    throw error instanceof SpoiledPayload ? new Undecipherable(error.message) : error;
  } finally {
    await chunks.return?.();
  }
}

/** A header for the recipients, and the file key that they find in it. */
async function newHeader(
  recipients: readonly string[],
): Promise<{ readonly header: Uint8Array; readonly fileKey: Uint8Array }> {
  if (recipients.length === 0) throw new Error('There is nobody to encrypt for');
  const { Encrypter } = await library();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  let fileKey: Uint8Array | undefined;
  // Takes part as a recipient who is told the key, and leaves nothing in the header.
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = key;
      return [];
    },
  });
  const empty = await encrypter.encrypt(new Uint8Array());
  if (fileKey === undefined) throw new Error('The library of age tells its recipients no key any more');
  return { header: empty.subarray(0, empty.length - EMPTY_PAYLOAD), fileKey };
}

/** The header, whose last line begins with `--- `, the salt, and what was read beyond. Throws {@link Undecipherable}. */
async function split(
  chunks: AsyncIterator<Uint8Array>,
): Promise<{ readonly header: Buffer; readonly salt: Buffer; readonly behind: Buffer }> {
  let head = Buffer.alloc(0);
  for (;;) {
    const mac = head.indexOf('\n--- ');
    const end = mac < 0 ? 0 : head.indexOf('\n', mac + 1) + 1;
    const payload = end + SALT;
    if (end > 0 && head.length >= payload)
      return { header: head.subarray(0, end), salt: head.subarray(end, payload), behind: head.subarray(payload) };
    if (end === 0 && head.length > MOST_HEADER) throw new Undecipherable('it has no header of age');
    const next = await chunks.next();
    if (next.done === true) throw new Undecipherable('its header is cut off');
    head = Buffer.concat([head, next.value]);
  }
}

async function* onward(first: Buffer, chunks: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  yield first;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}
