import { createPublicKey } from 'node:crypto';
import { generateSigningKey, type SigningKey, signingKey, type TrustedSigner } from '@headgate/documents';
import { readSecret, writeDurably } from '../../machine/durable-file.ts';

/** The key that signs the manifests of a vault: made once, 0600, its public half beside it for trust files. */
export async function vaultKey(file: string): Promise<SigningKey> {
  const kept = await readSecret(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const pem = kept ?? generateSigningKey().privateKeyPem;
  if (kept === undefined) await writeDurably(file, pem, 0o600);
  const key = signingKey(pem);
  if (kept === undefined) await writeDurably(`${file}.pub`, key.publicKeyPem);
  return key;
}

/** Our own key as one that is trusted for what we sealed ourselves. */
export function ownSigner({ keyId, publicKeyPem }: SigningKey): TrustedSigner {
  return { name: 'this agent', keyId, publicKey: createPublicKey(publicKeyPem), may: ['restore-point'] };
}
