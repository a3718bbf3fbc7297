import type { PointIdentity } from '@headgate/documents';

/**
 * Where things lie in a vault: `points/<environment>/<cell>/<store>/<id>/` with a part each, and `sealed.json`, which is
 * written last. A folder without it is no restore point.
 */
export const SEALED = 'sealed.json';

export function storePrefix({ environment, cell, store }: Omit<PointIdentity, 'id'>): string {
  return `points/${environment}/${cell}/${store}/`;
}

export function pointPrefix(point: PointIdentity): string {
  return `${storePrefix(point)}${point.id}/`;
}

export function partKey(point: PointIdentity, part: string): string {
  return `${pointPrefix(point)}${part}.age`;
}
