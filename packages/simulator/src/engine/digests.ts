import { digestOfJson } from '@headgate/documents';
import type { Digest } from '@headgate/domain';

const known = new WeakMap<object, Digest>();

/** Digest of a value's canonical JSON. States and plans are immutable and shared, so each is hashed once. */
export function digestOfShared(value: unknown): Digest {
  if (typeof value !== 'object' || value === null) return digestOfJson(value);
  let digest = known.get(value);
  if (digest === undefined) {
    digest = digestOfJson(value);
    known.set(value, digest);
  }
  return digest;
}
