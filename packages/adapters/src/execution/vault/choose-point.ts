import type { PointIdentity, Trust } from '@headgate/documents';
import type { Instant } from '@headgate/domain';
import { isDatedAhead } from '@headgate/domain/vault/dated-ahead';
import type { ObjectStore } from '@headgate/execution';
import { openSealed } from './open-sealed.ts';
import type { Unsealing } from './unseal-point.ts';
import { type ListedPoint, listVault } from './vaulted-points.ts';

/** A restore point whose manifest is known to be right; or why there is none, in words. */
export type ChosenPoint =
  | { readonly ok: true; readonly unsealing: Unsealing; readonly signer: string }
  | { readonly ok: false; readonly why: string };

/**
 * The restore point of that id, without one the newest of the store. One that isn't right and newer isn't passed over. Nobody
 * knows when one was taken that is dated ahead of now, so it is never the newest; by its id it is had like any other.
 */
export async function choosePoint(
  store: ObjectStore,
  of: Omit<PointIdentity, 'id'>,
  id: string | undefined,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<ChosenPoint> {
  const no = (why: string): ChosenPoint => ({ ok: false, why });
  const chosen = id ?? newestOf((await listVault(store, of, trust, signal)).points, Date.now());
  if (chosen === undefined) return no(`no restore point of the store ${of.store} lies in ${store.name}`);
  if (typeof chosen !== 'string') return no(chosen.why);
  if (!/^rp-[0-9a-z-]{1,60}$/.test(chosen)) return no(`${chosen} is no id of a restore point`);
  const point: PointIdentity = { ...of, id: chosen };
  const read = await openSealed(store, point, trust, signal);
  if (!read.ok) return no(read.why);
  const { sealed, manifest, signer } = read;
  return { ok: true, unsealing: { store, point, sealed, manifest, signal }, signer };
}

/** Its id, or why nobody says which it is. One that isn't right and newer, as far as its name tells, isn't passed over in silence: an id begins with its time. */
export function newestOf(
  points: readonly Pick<ListedPoint, 'id' | 'takenAt' | 'readable' | 'why'>[],
  now: Instant,
): string | { readonly why: string } | undefined {
  const readable = points.filter((point) => point.readable);
  const newest = readable.find((point) => !isDatedAhead(point.takenAt, now))?.id;
  const wrong = points.find((point) => !point.readable && point.id > (newest ?? ''));
  if (wrong !== undefined)
    return { why: `the newest isn't right: ${wrong.why ?? wrong.id}; name an older one with --id if you want that` };
  const [ahead] = readable;
  if (newest !== undefined || ahead === undefined) return newest;
  return {
    why: `${ahead.id} is dated ahead of now, ${new Date(ahead.takenAt).toISOString()}, and so is every other: nobody knows which is the newest; look at the clocks of this machine and of the one that took it, and name one with --id`,
  };
}
