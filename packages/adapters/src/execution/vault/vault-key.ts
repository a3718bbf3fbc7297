import { createPublicKey } from 'node:crypto';
import type { SigningKey, TrustedSigner } from '@headgate/documents';
import { keptSigningKey, ownSigningKey } from '../../machine/own-signing-key.ts';

/** The key that signs the manifests of a vault: made once, 0600, its public half beside it for trust files. */
export function vaultKey(file: string): Promise<SigningKey> {
  return ownSigningKey(file);
}

/** The key as a signer that is trusted for what it sealed, where it is on this machine; else nobody. Makes none. */
export async function ownSigners(file: string): Promise<readonly TrustedSigner[]> {
  const kept = await keptSigningKey(file);
  return kept === undefined ? [] : [ownSigner(kept)];
}

/** Our own key as one that is trusted for what we sealed ourselves. */
export function ownSigner({ keyId, publicKeyPem }: SigningKey): TrustedSigner {
  return { name: 'this agent', keyId, publicKey: createPublicKey(publicKeyPem), may: ['restore-point'] };
}
