/**
 * Keys of signed notes (C2SP signed-note): Ed25519, named, told apart by a key id that binds name, kind and public key.
 * A private key is a PKCS#8 PEM; a public one is a verifier key line, `<name>+<key id in hex>+<base64(kind ‖ key)>`,
 * which is what a person copies into a trust file.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { quoted, type Refused, refuse } from '../refusal.ts';

/** Signature type bytes that C2SP assigned: 1 signs a note's text, 4 is a witness's cosignature with a time. */
const KINDS = { 'tree-head': 1, witness: 4 } as const;

export type NoteKeyKind = keyof typeof KINDS;

export interface NoteVerifier {
  readonly name: string;
  readonly kind: NoteKeyKind;
  /** Eight hexadecimal digits. An identifier, not a strong hash: it only says which key to try. */
  readonly keyId: string;
  /** The verifier key line. */
  readonly verifierKey: string;
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

export interface NoteSigner {
  readonly name: string;
  readonly kind: NoteKeyKind;
  readonly keyId: string;
  readonly verifierKey: string;
  sign(message: Uint8Array): Buffer;
}

export interface NoteKeyPair {
  /** PKCS#8 PEM: a secret. */
  readonly privateKeyPem: string;
  /** The line for trust files. */
  readonly verifierKey: string;
}

const MAX_NAME_LENGTH = 200;
/** DER of an Ed25519 SubjectPublicKeyInfo (RFC 8410) up to the 32 bytes of the key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether a key may be called so: not empty, no space, no plus, no control characters (C2SP signed-note). */
export function isNoteKeyName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && /^[^\s+\p{C}\p{Z}]+$/u.test(name);
}

/** A new Ed25519 key pair. The name of a log's key is its origin line. Throws when the name isn't allowed. */
export function generateNoteKey(name: string, kind: NoteKeyKind): NoteKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { privateKeyPem, verifierKey: noteSigner(name, kind, privateKeyPem).verifierKey };
}

/** Takes up a private key that we keep ourselves; throws when it isn't an Ed25519 one. */
export function noteSigner(name: string, kind: NoteKeyKind, privateKeyPem: string): NoteSigner {
  if (!isNoteKeyName(name))
    throw new TypeError(`${quoted(name)} can't name a note key: no spaces, no plus, no control characters`);
  const privateKey = createPrivateKey(privateKeyPem);
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new TypeError(`a note key must be Ed25519, not ${privateKey.asymmetricKeyType}`);
  }
  const raw = rawPublicKey(privateKey);
  return {
    name,
    kind,
    keyId: keyIdOf(name, kind, raw),
    verifierKey: verifierLine(name, kind, raw),
    sign: (message) => sign(null, message, privateKey),
  };
}

/** Reads a verifier key line. */
export function parseVerifierKey(
  line: string,
): { readonly ok: true; readonly key: NoteVerifier } | Refused<'verifier-key'> {
  const wrong = (why: string) =>
    refuse('verifier-key', `verifier key ${quoted(line, 60)}`, why, {
      unblock: 'copy the whole line that the key was made with',
    });
  if (typeof line !== 'string' || line.length > 400) return wrong('expected at most 400 characters');
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(line);
  if (match === null || !isNoteKeyName(match[1])) return wrong('expected <name>+<8 hexadecimal digits>+<base64>');
  const [, name, keyId, base64] = match as unknown as [string, string, string, string];
  const material = Buffer.from(base64, 'base64');
  if (material.toString('base64') !== base64) return wrong('the base64 is not well formed');
  const kind = (Object.keys(KINDS) as NoteKeyKind[]).find((k) => KINDS[k] === material[0]);
  if (kind === undefined) return wrong(`expected key type 1 (Ed25519) or 4 (witness), found ${material[0]}`);
  const raw = material.subarray(1);
  if (raw.length !== 32) return wrong(`expected 32 bytes of Ed25519 key, found ${raw.length}`);
  if (keyIdOf(name, kind, raw) !== keyId) return wrong('the key id does not belong to this name and key');
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
  const key: NoteVerifier = {
    name,
    kind,
    keyId,
    verifierKey: line,
    verify: (message, signature) => signature.length === 64 && verify(null, message, publicKey, signature),
  };
  return { ok: true, key };
}

function rawPublicKey(key: KeyObject): Buffer {
  return createPublicKey(key.export({ format: 'pem', type: 'pkcs8' }).toString())
    .export({ format: 'der', type: 'spki' })
    .subarray(SPKI_PREFIX.length);
}

/** C2SP signed-note: the first four bytes of SHA-256(name ‖ newline ‖ kind ‖ key). */
function keyIdOf(name: string, kind: NoteKeyKind, raw: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(KINDS[kind]), raw]), 'hex').slice(0, 8);
}

function verifierLine(name: string, kind: NoteKeyKind, raw: Uint8Array): string {
  return `${name}+${keyIdOf(name, kind, raw)}+${Buffer.concat([Buffer.of(KINDS[kind]), raw]).toString('base64')}`;
}
