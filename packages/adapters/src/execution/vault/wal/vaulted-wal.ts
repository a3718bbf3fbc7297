import {
  MAX_BUNDLE_BYTES,
  openSealedWal,
  openWalReach,
  type SealedWal,
  type Trust,
  WAL_PIECE,
  type WalIdentity,
  type WalReach,
} from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { type Answer, denied, granted, type ObjectStore } from '@headgate/execution';
import { inLogsOrder } from '../../../postgres-cluster/wal-place.ts';
import { readBounded } from '../measured.ts';
import { pieceKey, piecePrefix, reachKey } from './wal-keys.ts';

/**
 * Up to which moment a store's WAL lies in a vault, with the digest of its last segment; granted nothing: none does. What isn't
 * right is refused.
 */
export async function readReach(
  store: ObjectStore,
  of: WalIdentity,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<Answer<WalReach | undefined> & { readonly subject?: Digest }> {
  const bundle = await read(store, reachKey(of), signal);
  if (bundle === undefined) return granted(undefined);
  const opened = openWalReach(bundle, trust, of);
  return opened.ok
    ? { ...granted(opened.sealed), subject: opened.subject }
    : denied('check-failed', `reach.json of the WAL: ${opened.why}`);
}

/** Names of the pieces of one cluster's log that are whole there, in the log's order. */
export async function listPieces(
  store: ObjectStore,
  of: WalIdentity,
  systemIdentifier: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const prefix = piecePrefix(of, systemIdentifier);
  const names: string[] = [];
  for await (const { key } of store.list(prefix, signal)) {
    const name = key.slice(prefix.length);
    if (name.endsWith('.json') && WAL_PIECE.test(name.slice(0, -5))) names.push(name.slice(0, -5));
  }
  return names.sort(inLogsOrder);
}

/** Opens one piece's statement. */
export async function openPiece(
  store: ObjectStore,
  of: WalIdentity & Pick<SealedWal, 'systemIdentifier' | 'name'>,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<Answer<{ readonly sealed: SealedWal; readonly plain: Digest }>> {
  const { environment, cell, store: name } = of;
  const at = pieceKey({ environment, cell, store: name }, of.systemIdentifier, of.name, 'json');
  const bundle = await read(store, at, signal);
  if (bundle === undefined) return denied('check-failed', `the WAL ${of.name} isn't in ${store.name}`);
  const opened = openSealedWal(bundle, trust, of);
  return opened.ok
    ? granted({ sealed: opened.sealed, plain: opened.subject })
    : denied('check-failed', `the statement of the WAL ${of.name}: ${opened.why}`);
}

async function read(store: ObjectStore, key: string, signal: AbortSignal): Promise<Buffer | undefined> {
  const found = await store.get(key, signal);
  // One that is too long is read no further, and isn't well-formed then.
  return found === undefined ? undefined : ((await readBounded(found, MAX_BUNDLE_BYTES)) ?? Buffer.alloc(0));
}
