/** A store's log in its cell's vault, where the agent brings it. */
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { noteShipped } from '@headgate/adapters/execution/restore-points/wal';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { closeWal } from '@headgate/adapters/execution/vault/wal/close-wal';
import { WalShipper } from '@headgate/adapters/execution/vault/wal/ship-wal';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { CellOfVault } from '../vault-cells.ts';
import type { StoreLog } from './wal-rounds.ts';

/** After the cell was opened: its cluster is ours to ask then. */
export async function vaultLog(
  cell: CellOfVault & { readonly kind: 'process' },
  name: string,
  signal: AbortSignal,
): Promise<StoreLog> {
  const { vault, environment } = cell;
  const store = physicalStore(cell, name, await findPrograms(15, cell.dir));
  const shipper = new WalShipper({
    store: await openObjectStore(vault.store),
    archiveDir: store.archiveDir,
    of: { environment, cell: cell.cell, store: name },
    recipients: vault.recipients,
    key: await vaultKey(vault.keyFile),
    now: Date.now,
    signal,
  });
  return {
    async ship() {
      const { reach, pieces, bytes, shipped, gap } = await shipper.ship(await closeWal(store, Date.now));
      await noteShipped(store.restorePointsDir, shipped);
      return {
        ...{ at: reach.at, pieces, bytes },
        ...(gap !== undefined && {
          why: `the segment ${gap} is lost: nothing after it comes back from restore points before it; take one`,
        }),
      };
    },
  };
}
