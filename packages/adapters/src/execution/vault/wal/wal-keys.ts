import type { WalIdentity } from '@headgate/documents';

/**
 * Where a store's WAL lies in a vault: `wal/<environment>/<cell>/<store>/<system identifier>/` with each piece as
 * `<name>.age` and its statement, written last, as `<name>.json`; beside the folders `reach.json`.
 */
export function walPrefix({ environment, cell, store }: WalIdentity): string {
  return `wal/${environment}/${cell}/${store}/`;
}

export function reachKey(of: WalIdentity): string {
  return `${walPrefix(of)}reach.json`;
}

export function piecePrefix(of: WalIdentity, systemIdentifier: string): string {
  return `${walPrefix(of)}${systemIdentifier}/`;
}

export function pieceKey(of: WalIdentity, systemIdentifier: string, name: string, ending: 'age' | 'json'): string {
  return `${piecePrefix(of, systemIdentifier)}${name}.${ending}`;
}
