import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import type { Trust } from '@headgate/documents';
import { type Freshness, freshnessOf } from '@headgate/domain';
import type { CellOfVault } from '../vault-cells.ts';

/** How fresh a store's restore points in its cell's vault are. Throws while the vault is away. */
export async function freshnessIn(
  { environment, cell, vault }: CellOfVault,
  store: string,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<Freshness> {
  const objects = await openObjectStore(vault.store);
  const signers = { signers: [...(await ownSigners(vault.keyFile)), ...trust.signers] };
  const { points } = await listVault(objects, { environment, cell, store }, signers, signal);
  return freshnessOf(points, Date.now());
}
