import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import { listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import type { Trust } from '@headgate/documents';
import { type Freshness, freshnessOf } from '@headgate/domain';
import { lookInRepository } from '../restore-points/look-in-repository.ts';
import type { CellOfVault } from '../vault-cells.ts';

/** How fresh a store's restore points in its cell's vault are, or in its own repository. Throws while that is away. */
export async function freshnessIn(
  cell: CellOfVault,
  store: string,
  trust: Pick<Trust, 'signers'>,
  signal: AbortSignal,
): Promise<Freshness> {
  if (inRepository(cell, store)) return (await lookInRepository(cell, store, signal)).freshness;
  const { environment, vault } = cell;
  const objects = await openObjectStore(vault.store);
  const signers = { signers: [...(await ownSigners(vault.keyFile)), ...trust.signers] };
  const { points } = await listVault(objects, { environment, cell: cell.cell, store }, signers, signal);
  return freshnessOf(points, Date.now());
}

/** Whether a store's restore points lie in a repository of its own. */
export function inRepository(cell: AnyCellConfig, store: string): cell is CellConfig & CellOfVault {
  return cell.kind === 'process' && cell.stores[store]?.pgbackrest !== undefined;
}
