import type { PointIdentity, SealedPoint } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { type Answer, granted, type ObjectStore } from '@headgate/execution';
import { PointContents } from './point-contents.ts';
import {
  allPartsThere,
  checkAllParts,
  type PartsUnsealing,
  type ReadContents,
  unsealContents,
  unsealParts,
} from './unseal-parts.ts';
import { placeOf } from './vault-keys.ts';

export interface Unsealing {
  readonly store: ObjectStore;
  readonly point: PointIdentity;
  /** As its signed manifest says. */
  readonly sealed: SealedPoint;
  readonly manifest: Digest;
  readonly signal: AbortSignal;
}

/** Looks whether every part is there and of its size, without reading any: what is plainly wrong is said at once. */
export function allThere(unsealing: Unsealing): Promise<Answer<void>> {
  return allPartsThere(partsOfPoint(unsealing));
}

/** Reads every part back and compares it as it lies there. Needs nobody's secret. */
export function checkParts(unsealing: Unsealing): Promise<Answer<void>> {
  return checkAllParts(partsOfPoint(unsealing));
}

/**
 * Decrypts a restore point, and compares every part with the signed manifest and every file with the restore point's own.
 * With `dir` the files are written there; whoever calls removes that when the answer is no. Returns the own manifest's text.
 */
export async function unseal(
  unsealing: Unsealing,
  identities: readonly string[],
  dir: string | undefined,
): Promise<Answer<string>> {
  const unsealed = await unsealParts(partsOfPoint(unsealing), identities, dir, readContents(unsealing));
  return unsealed.ok ? granted(unsealed.value.text) : unsealed;
}

/** The own manifest alone: whether the identities open what was sealed, and what it promises. */
export async function unsealOwn(unsealing: Unsealing, identities: readonly string[]): Promise<Answer<PointContents>> {
  const own = await unsealContents(partsOfPoint(unsealing), identities, readContents(unsealing));
  return own.ok ? granted(own.value.contents) : own;
}

/** The same, as its text: for what a kind of restore point says beside what all of them do. */
export async function unsealOwnText(unsealing: Unsealing, identities: readonly string[]): Promise<Answer<string>> {
  const own = await unsealContents(partsOfPoint(unsealing), identities, readContents(unsealing));
  return own.ok ? granted(own.value.text) : own;
}

function readContents({ point: { id, store } }: Unsealing): ReadContents<PointContents> {
  return (value) => {
    const contents = PointContents.safeParse(value);
    if (!contents.success) return 'it is a manifest of another form';
    const { data } = contents;
    return data.id === id && data.store === store ? data : `it is of ${data.id} of the store ${data.store}`;
  };
}

function partsOfPoint({ point, ...rest }: Unsealing): PartsUnsealing {
  return { ...rest, place: placeOf(point) };
}
