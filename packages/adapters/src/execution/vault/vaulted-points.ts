import type { PointIdentity, SealedPoint, Trust } from '@headgate/documents';
import type { VaultedPoint } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { openSealed } from './open-sealed.ts';
import { SEALED, storePrefix } from './vault-keys.ts';

/** One restore point that lies in a vault. */
export interface ListedPoint extends VaultedPoint {
  /** Absent: its manifest can't be read, or isn't right. */
  readonly sealed?: SealedPoint;
  /** Who signed, as the trust file calls the key. */
  readonly signer?: string;
  /** What is wrong with its manifest. */
  readonly why?: string;
}

/** What lies in a vault of one store, newest first; and what began there and was never sealed. */
export interface VaultList {
  readonly points: readonly ListedPoint[];
  /** With the time of its last change, by the store's clock. Milliseconds. */
  readonly unfinished: readonly { readonly id: string; readonly changedAt: number }[];
}

/** Reads the manifests of a store's restore points in a vault. */
export async function listVault(
  store: ObjectStore,
  of: Omit<PointIdentity, 'id'>,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<VaultList> {
  const seen = await foldersIn(store, storePrefix(of), /^rp-[0-9a-z-]{1,60}$/, signal);
  const points: ListedPoint[] = [];
  const unfinished: { id: string; changedAt: number }[] = [];
  for (const [id, { sealed, changedAt }] of seen) {
    if (!sealed) {
      unfinished.push({ id, changedAt });
      continue;
    }
    const opened = await openSealed(store, { ...of, id }, trust, signal);
    points.push(
      opened.ok
        ? {
            id,
            takenAt: opened.sealed.takenAt,
            readable: true,
            rollout: opened.sealed.takenFor.rollout,
            sealed: opened.sealed,
            signer: opened.signer,
          }
        : { id, takenAt: changedAt, readable: false, why: opened.why },
    );
  }
  points.sort((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1));
  return { points, unfinished };
}

/** What lies under a prefix, a folder each: whether a manifest is in it, and when it changed last, by the store's clock. */
export async function foldersIn(
  store: ObjectStore,
  prefix: string,
  names: RegExp,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, { readonly sealed: boolean; readonly changedAt: number }>> {
  const seen = new Map<string, { sealed: boolean; changedAt: number }>();
  for await (const { key, changedAt } of store.list(prefix, signal)) {
    const [id, name, ...deeper] = key.slice(prefix.length).split('/');
    if (id === undefined || name === undefined || deeper.length > 0 || !names.test(id)) continue;
    const known = seen.get(id);
    seen.set(id, {
      sealed: name === SEALED || known?.sealed === true,
      changedAt: Math.max(changedAt, known?.changedAt ?? 0),
    });
  }
  return seen;
}
