import {
  MAX_BUNDLE_BYTES,
  type OpenedSealedPoint,
  openSealedPoint,
  type PointIdentity,
  refuse,
  type Trust,
} from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { readBounded } from './measured.ts';
import { pointPrefix, SEALED } from './vault-keys.ts';

export type FoundSealedPoint = OpenedSealedPoint | ReturnType<typeof refuse<'not-sealed' | 'bundle-too-large'>>;

/** Reads a restore point's manifest in the vault: signed by a key of the trust, of this very restore point. */
export async function openSealed(
  store: ObjectStore,
  point: PointIdentity,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<FoundSealedPoint> {
  const where = `${pointPrefix(point)}${SEALED}`;
  const content = await store.get(where, signal);
  const what = 'sealed restore point';
  if (content === undefined)
    return refuse('not-sealed', what, `${SEALED} of ${point.id} isn't in ${store.name}`, {
      where,
      unblock: 'name one that headgate-agent restore-points list --config FILE shows',
    });
  const bundle = await readBounded(content, MAX_BUNDLE_BYTES);
  if (bundle === undefined)
    return refuse('bundle-too-large', what, `${SEALED} of ${point.id} has more than ${MAX_BUNDLE_BYTES} bytes`, {
      where,
    });
  const opened = openSealedPoint(bundle, trust, point);
  return opened.ok ? opened : { ...opened, where, why: `${SEALED} of ${point.id}: ${opened.why}` };
}
