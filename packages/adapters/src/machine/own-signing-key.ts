import { generateSigningKey, type SigningKey, signingKey } from '@headgate/documents';
import { readSecret, writeDurably } from './durable-file.ts';

/** A key of this machine's own: made once, 0600, its public half beside it (`.pub`) for trust files. */
export async function ownSigningKey(file: string): Promise<SigningKey> {
  const kept = await keptSigningKey(file);
  if (kept !== undefined) return kept;
  const { privateKeyPem, publicKeyPem } = generateSigningKey();
  await writeDurably(file, privateKeyPem, 0o600);
  await writeDurably(`${file}.pub`, publicKeyPem);
  return signingKey(privateKeyPem);
}

/** The key, where there is one. Makes none. */
export async function keptSigningKey(file: string): Promise<SigningKey | undefined> {
  const pem = await readSecret(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return pem === undefined ? undefined : signingKey(pem);
}
