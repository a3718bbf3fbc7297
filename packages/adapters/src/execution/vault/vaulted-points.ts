import type { PointIdentity, SealedPoint, Trust } from '@headgate/documents';
import type { VaultedPoint } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { type FoundSealedPoint, openSealed } from './open-sealed.ts';
import { allPartsThere, wrongPart } from './unseal-parts.ts';
import { placeOf, SEALED, storePrefix } from './vault-keys.ts';

/** One restore point that lies in a vault. */
export interface ListedPoint extends VaultedPoint {
  /** Absent: its manifest can't be read, or isn't right. Of one that lacks a part it is there, and `readable` is false. */
  readonly sealed?: SealedPoint;
  /** Who signed, as the trust file calls the key. */
  readonly signer?: string;
  /** What is wrong with its manifest, or which part isn't there or isn't of its size. */
  readonly why?: string;
}

/** What lies in a vault of one store, newest first; and what began there and was never sealed. */
export interface VaultList {
  readonly points: readonly ListedPoint[];
  /** With the time of its last change, by the store's clock. Milliseconds. */
  readonly unfinished: readonly { readonly id: string; readonly changedAt: number }[];
}

/** Reads the manifests of a store's restore points in a vault; of their parts it looks whether each is there, and of its size. */
export async function listVault(
  store: ObjectStore,
  of: Omit<PointIdentity, 'id'>,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<VaultList> {
  const seen = await foldersIn(store, storePrefix(of), /^rp-[0-9a-z-]{1,60}$/, signal);
  const points: ListedPoint[] = [];
  const unfinished: { id: string; changedAt: number }[] = [];
  for (const [id, { sealed, changedAt, sizes }] of seen) {
    if (!sealed) {
      unfinished.push({ id, changedAt });
      continue;
    }
    const opened = await openSealed(store, { ...of, id }, trust, signal);
    if (!opened.ok) {
      points.push({ id, takenAt: changedAt, readable: false, why: opened.why });
      continue;
    }
    const { takenAt, takenFor } = opened.sealed;
    const why = await lacking(store, { ...of, id }, opened, sizes, signal);
    points.push({
      ...{ id, takenAt, readable: why === undefined, rollout: takenFor.rollout },
      ...{ sealed: opened.sealed, signer: opened.signer, ...(why !== undefined && { why }) },
    });
  }
  points.sort((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1));
  return { points, unfinished };
}

/** What its parts lack. Where the listing says that one does, it is looked at again: it may have been sealed meanwhile. */
async function lacking(
  store: ObjectStore,
  point: PointIdentity,
  { sealed, manifest }: Extract<FoundSealedPoint, { ok: true }>,
  sizes: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const place = placeOf(point);
  if (wrongPart(store, place, sealed, sizes) === undefined) return undefined;
  const there = await allPartsThere({ store, place, sealed, manifest, signal });
  return there.ok ? undefined : there.why;
}

/** What lies under a prefix, a folder each: whether a manifest is in it, when it changed last, by the store's clock, and each key's size. */
export async function foldersIn(
  store: ObjectStore,
  prefix: string,
  names: RegExp,
  signal: AbortSignal,
): Promise<
  ReadonlyMap<
    string,
    { readonly sealed: boolean; readonly changedAt: number; readonly sizes: ReadonlyMap<string, number> }
  >
> {
  const seen = new Map<string, { sealed: boolean; changedAt: number; sizes: Map<string, number> }>();
  for await (const { key, changedAt, size } of store.list(prefix, signal)) {
    const [id, name, ...deeper] = key.slice(prefix.length).split('/');
    if (id === undefined || name === undefined || deeper.length > 0 || !names.test(id)) continue;
    const known = seen.get(id);
    seen.set(id, {
      sealed: name === SEALED || known?.sealed === true,
      changedAt: Math.max(changedAt, known?.changedAt ?? 0),
      sizes: (known?.sizes ?? new Map<string, number>()).set(key, size),
    });
  }
  return seen;
}
