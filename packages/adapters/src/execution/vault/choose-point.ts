import type { PointIdentity, Trust } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { openSealed } from './open-sealed.ts';
import type { Unsealing } from './unseal-point.ts';
import { type ListedPoint, listVault } from './vaulted-points.ts';

/** A restore point whose manifest is known to be right; or why there is none, in words. */
export type ChosenPoint =
  | { readonly ok: true; readonly unsealing: Unsealing; readonly signer: string }
  | { readonly ok: false; readonly why: string };

/** The restore point of that id, without one the newest of the store. One that isn't right and newer isn't passed over. */
export async function choosePoint(
  store: ObjectStore,
  of: Omit<PointIdentity, 'id'>,
  id: string | undefined,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<ChosenPoint> {
  const no = (why: string): ChosenPoint => ({ ok: false, why });
  const chosen = id ?? newestOf((await listVault(store, of, trust, signal)).points);
  if (chosen === undefined) return no(`no restore point of the store ${of.store} lies in ${store.name}`);
  if (typeof chosen !== 'string')
    return no(`the newest isn't right: ${chosen.why}; name an older one with --id if you want that`);
  if (!/^rp-[0-9a-z-]{1,60}$/.test(chosen)) return no(`${chosen} is no id of a restore point`);
  const point: PointIdentity = { ...of, id: chosen };
  const read = await openSealed(store, point, trust, signal);
  if (!read.ok) return no(read.why);
  const { sealed, manifest, signer } = read;
  return { ok: true, unsealing: { store, point, sealed, manifest, signal }, signer };
}

/** Its id. One that isn't right and newer, as far as its name tells, isn't passed over in silence: an id begins with its time. */
function newestOf(points: readonly ListedPoint[]): string | { readonly why: string } | undefined {
  const newest = points.find((point) => point.readable)?.id;
  const wrong = points.find((point) => !point.readable && point.id > (newest ?? ''));
  return wrong === undefined ? newest : { why: wrong.why ?? wrong.id };
}
