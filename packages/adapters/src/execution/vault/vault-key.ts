import { createPublicKey } from 'node:crypto';
import { generateSigningKey, type SigningKey, signingKey, type TrustedSigner } from '@headgate/documents';
import { readSecret, writeDurably } from '../../machine/durable-file.ts';

/** The key that signs the manifests of a vault: made once, 0600, its public half beside it for trust files. */
export async function vaultKey(file: string): Promise<SigningKey> {
  const kept = await keptKey(file);
  if (kept !== undefined) return kept;
  const { privateKeyPem, publicKeyPem } = generateSigningKey();
  await writeDurably(file, privateKeyPem, 0o600);
  await writeDurably(`${file}.pub`, publicKeyPem);
  return signingKey(privateKeyPem);
}

/** The key as a signer that is trusted for what it sealed, where it is on this machine; else nobody. Makes none. */
export async function ownSigners(file: string): Promise<readonly TrustedSigner[]> {
  const kept = await keptKey(file);
  return kept === undefined ? [] : [ownSigner(kept)];
}

async function keptKey(file: string): Promise<SigningKey | undefined> {
  const pem = await readSecret(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return pem === undefined ? undefined : signingKey(pem);
}

/** Our own key as one that is trusted for what we sealed ourselves. */
export function ownSigner({ keyId, publicKeyPem }: SigningKey): TrustedSigner {
  return { name: 'this agent', keyId, publicKey: createPublicKey(publicKeyPem), may: ['restore-point'] };
}
