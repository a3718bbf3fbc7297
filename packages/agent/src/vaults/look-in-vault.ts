import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import { readReach } from '@headgate/adapters/execution/vault/wal/vaulted-wal';
import { followsOn, goesOnAt } from '@headgate/adapters/execution/vault/wal/whole-log';
import type { Trust } from '@headgate/documents';
import { type Freshness, freshnessOf } from '@headgate/domain';
import { lookInRepository } from '../restore-points/look-in-repository.ts';
import { inRepository } from '../schedule/freshness-in.ts';
import type { CellOfVault } from '../vault-cells.ts';

/** What one look at a store's restore points came to, where they lie. */
export interface LookedAt {
  readonly newest?: Freshness['newest'];
  readonly unreadable: number;
  /** Whether the log that lies there goes on from one of them. */
  readonly goesOn: boolean;
  /** Number of the segment with which it goes on from the newest of those; absent: from none, or all of it was looked at here. */
  readonly goesOnAt?: number;
  /** What isn't right of the log, in words. */
  readonly log?: string;
}

/** Looks at the restore points, and from where its log goes on; no part and no piece is read. Throws while it can't be looked at. */
export async function lookInVault(
  cell: CellOfVault,
  store: string,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<LookedAt> {
  if (inRepository(cell, store)) {
    const { freshness, log } = await lookInRepository(cell, store, signal);
    return { ...newestOf(freshness), goesOn: freshness.reachedAt !== undefined, ...(log !== undefined && { log }) };
  }
  const { environment, vault } = cell;
  const objects = await openObjectStore(vault.store);
  const signers = { signers: [...(await ownSigners(vault.keyFile)), ...trust.signers] };
  const of = { environment, cell: cell.cell, store };
  const { points } = await listVault(objects, of, signers, signal);
  const found = newestOf(freshnessOf(points, Date.now()));
  if (vault.wal === undefined) return { ...found, goesOn: false };
  const reach = await readReach(objects, of, signers, signal);
  if (!reach.ok) return { ...found, goesOn: false, log: reach.why };
  const to = reach.value;
  const base = to && points.find(({ readable, sealed }) => readable && sealed && followsOn(to, sealed))?.sealed;
  const goesOn = base !== undefined;
  const none = to !== undefined && !goesOn && found.newest !== undefined;
  const at = base && { goesOnAt: goesOnAt(base) };
  return {
    ...found,
    goesOn,
    ...at,
    ...(none && { log: 'the log that lies there goes on from none of the restore points' }),
  };
}

function newestOf({ newest, unreadable }: Freshness): Pick<LookedAt, 'newest' | 'unreadable'> {
  return { ...(newest !== undefined && { newest }), unreadable };
}
