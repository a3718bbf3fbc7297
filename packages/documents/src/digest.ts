import { hash } from 'node:crypto';
import type { Digest } from '@headgate/domain';
import { canonicalJson } from './canonical.ts';

/** SHA-256 of bytes, or of a text's UTF-8 bytes. */
export function digestOf(content: Uint8Array | string): Digest {
  return `sha256:${hash('sha256', content, 'hex')}`;
}

/** SHA-256 of a value's canonical JSON (RFC 8785): the identity of releases, plans, envelopes and documents. */
export function digestOfJson(value: unknown): Digest {
  return digestOf(canonicalJson(value));
}

/** The 64 hexadecimal digits of a digest, as in-toto subjects and OCI write them. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
