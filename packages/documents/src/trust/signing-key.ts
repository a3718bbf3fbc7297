/** Local signing keys: ECDSA P-256, as cosign uses; a PKCS#8 PEM in a file that only its owner reads. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type Refused, refuse } from '../refusal.ts';

export interface SigningKey {
  /** Base64 of the SHA-256 of the public key's DER: the hint that cosign and sigstore-go write, too. */
  readonly keyId: string;
  /** SubjectPublicKeyInfo PEM: what goes into trust files. */
  readonly publicKeyPem: string;
  sign(message: Uint8Array): Buffer;
}

export interface SigningKeyPair {
  /** PKCS#8 PEM: a secret. */
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
  readonly keyId: string;
}

const MAX_KEY_FILE_BYTES = 16 * 1024;

/** A new ECDSA P-256 key pair. */
export function generateSigningKey(): SigningKeyPair {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const { publicKeyPem, keyId } = signingKey(privateKeyPem);
  return { privateKeyPem, publicKeyPem, keyId };
}

/** Takes up a private key that we keep ourselves; throws when it is neither ECDSA P-256 nor Ed25519. */
export function signingKey(privateKeyPem: string): SigningKey {
  const privateKey = createPrivateKey(privateKeyPem);
  const publicKey = createPublicKey(privateKeyPem);
  if (!isAllowedKey(publicKey)) throw new TypeError('a signing key must be ECDSA P-256 or Ed25519');
  // Ed25519 hashes by itself; ECDSA signs a SHA-256.
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return {
    keyId: keyIdOf(publicKey),
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sign: (message) => sign(algorithm, message, privateKey),
  };
}

/** Whether a public key is of a kind that we accept signatures of: ECDSA P-256 or Ed25519. */
export function isAllowedKey(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'ed25519') return true;
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** The name by which bundles refer to a key. */
export function keyIdOf(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ format: 'der', type: 'spki' }), 'base64');
}

/** Writes a private key for its owner alone (0600). Throws when the file exists: a key is never overwritten. */
export function savePrivateKey(path: string, privateKeyPem: string): void {
  writeFileSync(path, privateKeyPem, { mode: 0o600, flag: 'wx' });
}

/** Reads a private key's PEM; refuses a file that others may read, and one that is no key. */
export function loadPrivateKey(
  path: string,
): { readonly ok: true; readonly privateKeyPem: string } | Refused<'key-file'> {
  const wrong = (why: string, unblock: string) => refuse('key-file', 'private key file', why, { where: path, unblock });
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return wrong(`it can't be opened (${(error as NodeJS.ErrnoException).code})`, 'check the path, or make a key');
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile() || facts.size > MAX_KEY_FILE_BYTES)
      return wrong('it is no file of at most 16 KiB', 'name the PEM file');
    if ((facts.mode & 0o077) !== 0) return wrong('others than its owner may read it', `chmod 600 ${path}`);
    const privateKeyPem = readFileSync(file, 'utf8');
    createPrivateKey(privateKeyPem);
    return { ok: true, privateKeyPem };
  } catch {
    // OpenSSL's own message could quote the file.
    return wrong('it is no unencrypted PKCS#8 PEM private key', 'name the file that the key was saved to');
  } finally {
    closeSync(file);
  }
}
