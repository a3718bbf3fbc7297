/** age's format (age-encryption.org/v1), streamed by age's own library, with errors of ours. */
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';

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
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  yield* await encrypter.encrypt(ReadableStream.from(content));
}

/** Decrypts with one of the identities (`AGE-SECRET-KEY-1…`). Throws {@link Undecipherable}, and what the content throws as it is. */
export async function* decrypt(
  content: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncIterable<Uint8Array> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  let broken: { readonly error: unknown } | undefined;
  const watched = async function* (): AsyncIterable<Uint8Array> {
    try {
      yield* content;
    } catch (error) {
      broken = { error };
      throw error;
    }
  };
  try {
    yield* await decrypter.decrypt(ReadableStream.from(watched()));
  } catch (error) {
    if (broken !== undefined) throw broken.error;
    throw new Undecipherable((error as Error).message);
  }
}
