import type { SealedPart } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { ahead } from '../../machine/ahead.ts';
import type { Hashing } from '../../machine/thread-hash.ts';
import { measureAll } from './measured.ts';
import { partIn, type SealedPlace } from './vault-keys.ts';

/** Reads a part back. What is wrong with it, in words that name it; `undefined`: nothing. */
export async function checkPart(
  store: ObjectStore,
  place: SealedPlace,
  part: SealedPart,
  signal: AbortSignal,
  hash?: Hashing,
): Promise<string | undefined> {
  const content = await store.get(partIn(place, part.name), signal);
  if (content === undefined) return missing(place, part, store);
  const found = await measureAll(ahead(content), part.size, hash);
  return found.size === part.size && found.sha256 === part.sha256 ? undefined : spoiled(place, part, found.size);
}

export function missing({ id }: SealedPlace, part: SealedPart, store: ObjectStore): string {
  return `the part ${part.name} of ${id} isn't in ${store.name}`;
}

export function spoiled({ id }: SealedPlace, part: SealedPart, size: number): string {
  const how =
    size === part.size
      ? 'its SHA-256 is another one'
      : size > part.size
        ? `it is longer than ${part.size} bytes`
        : `${size} bytes of ${part.size}`;
  return `the part ${part.name} of ${id} isn't what was sealed: ${how}`;
}
