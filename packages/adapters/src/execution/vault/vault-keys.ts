import type { PointIdentity } from '@headgate/documents';

/**
 * Where things lie in a vault: `points/<environment>/<cell>/<store>/<id>/` with a part each, and `sealed.json`, which is
 * written last. A folder without it is no restore point. What an agent backs up beside its stores lies likewise below
 * `backups/<agent>/<name>/<id>/`.
 */
export const SEALED = 'sealed.json';

/** One sealed thing in a vault: what it is called, and what its objects' keys begin with. */
export interface SealedPlace {
  readonly id: string;
  readonly prefix: string;
}

export function storePrefix({ environment, cell, store }: Omit<PointIdentity, 'id'>): string {
  return `points/${environment}/${cell}/${store}/`;
}

export function pointPrefix(point: PointIdentity): string {
  return `${storePrefix(point)}${point.id}/`;
}

export function placeOf(point: PointIdentity): SealedPlace {
  return { id: point.id, prefix: pointPrefix(point) };
}

export function partIn({ prefix }: SealedPlace, part: string): string {
  return `${prefix}${part}.age`;
}

export function partKey(point: PointIdentity, part: string): string {
  return partIn(placeOf(point), part);
}
