import type { PointIdentity, SealedPart } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { measureAll } from './measured.ts';
import { partKey } from './vault-keys.ts';

/** Reads a part back. What is wrong with it, in words that name it; `undefined`: nothing. */
export async function checkPart(
  store: ObjectStore,
  point: PointIdentity,
  part: SealedPart,
  signal: AbortSignal,
): Promise<string | undefined> {
  const content = await store.get(partKey(point, part.name), signal);
  if (content === undefined) return missing(point, part, store);
  const found = await measureAll(content, part.size);
  return found.size === part.size && found.sha256 === part.sha256 ? undefined : spoiled(point, part, found.size);
}

export function missing(point: PointIdentity, part: SealedPart, store: ObjectStore): string {
  return `the part ${part.name} of ${point.id} isn't in ${store.name}`;
}

export function spoiled(point: PointIdentity, part: SealedPart, size: number): string {
  const how =
    size === part.size
      ? 'its SHA-256 is another one'
      : size > part.size
        ? `it is longer than ${part.size} bytes`
        : `${size} bytes of ${part.size}`;
  return `the part ${part.name} of ${point.id} isn't what was sealed: ${how}`;
}
