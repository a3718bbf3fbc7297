import {
  MAX_BUNDLE_BYTES,
  type OpenedSealedPoint,
  openSealedPoint,
  type PointIdentity,
  type Refused,
  refuse,
  type Trust,
} from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { readBounded } from './measured.ts';
import { placeOf, SEALED, type SealedPlace } from './vault-keys.ts';

export type FoundSealedPoint = OpenedSealedPoint | ReturnType<typeof refuse<'not-sealed' | 'bundle-too-large'>>;

/** The bytes of a signed manifest, `undefined` where there is none; or that they are too many. */
export async function readManifest(
  store: ObjectStore,
  { id, prefix }: SealedPlace,
  what: string,
  signal: AbortSignal,
): Promise<{ readonly ok: true; readonly bundle: Buffer | undefined } | Refused<'bundle-too-large'>> {
  const where = `${prefix}${SEALED}`;
  const content = await store.get(where, signal);
  if (content === undefined) return { ok: true, bundle: undefined };
  const bundle = await readBounded(content, MAX_BUNDLE_BYTES);
  if (bundle !== undefined) return { ok: true, bundle };
  return refuse('bundle-too-large', what, `${SEALED} of ${id} has more than ${MAX_BUNDLE_BYTES} bytes`, { where });
}

/** Reads a restore point's manifest in the vault: signed by a key of the trust, of this very restore point. */
export async function openSealed(
  store: ObjectStore,
  point: PointIdentity,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<FoundSealedPoint> {
  const place = placeOf(point);
  const where = `${place.prefix}${SEALED}`;
  const what = 'sealed restore point';
  const read = await readManifest(store, place, what, signal);
  if (!read.ok) return read;
  const { bundle } = read;
  if (bundle === undefined)
    return refuse('not-sealed', what, `${SEALED} of ${point.id} isn't in ${store.name}`, {
      where,
      unblock: 'name one that headgate-agent restore-points list --config FILE shows',
    });
  const opened = openSealedPoint(bundle, trust, point);
  return opened.ok ? opened : { ...opened, where, why: `${SEALED} of ${point.id}: ${opened.why}` };
}
