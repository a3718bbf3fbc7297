/** A store's log in its cell's vault, where the agent brings it. */
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { noteShipped } from '@headgate/adapters/execution/restore-points/wal';
import { ownSigner, vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { type ListedPoint, listVault } from '@headgate/adapters/execution/vault/vaulted-points';
import { closeWal } from '@headgate/adapters/execution/vault/wal/close-wal';
import { logStanding } from '@headgate/adapters/execution/vault/wal/log-standing';
import { WalShipper } from '@headgate/adapters/execution/vault/wal/ship-wal';
import { goesOnFrom } from '@headgate/adapters/execution/vault/wal/wal-timelines';
import { followsOn, gapText, goesOnAt } from '@headgate/adapters/execution/vault/wal/whole-log';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { segmentOfLsn } from '@headgate/adapters/postgres-cluster/wal-place';
import type { CellOfVault } from '../vault-cells.ts';
import type { StoreLog } from './wal-rounds.ts';

/** Between two looks at the whole of it: what was there may be taken away by others. Rounds. */
const ALL_EVERY = 20;

/** After the cell was opened: its cluster is ours to ask then. */
export async function vaultLog(
  cell: CellOfVault & { readonly kind: 'process' },
  name: string,
  signal: AbortSignal,
): Promise<StoreLog> {
  const { vault, environment } = cell;
  const store = physicalStore(cell, name, await findPrograms(15, cell.dir));
  const of = { environment, cell: cell.cell, store: name };
  const [objects, key] = [await openObjectStore(vault.store), await vaultKey(vault.keyFile)];
  const shipper = new WalShipper({
    ...{ store: objects, archiveDir: store.archiveDir, of, recipients: vault.recipients, key, now: Date.now, signal },
  });
  const trust = { signers: [ownSigner(key)] };
  let rounds = 0;
  // After a round that didn't get there the next one looks at once.
  let look = true;
  let asked = false;
  let wholeFrom: number | undefined;
  return {
    lookAgain() {
      asked = true;
    },
    async ship() {
      const looks = look || asked || rounds++ % ALL_EVERY === 0;
      [look, asked] = [true, false];
      const points = looks ? (await listVault(objects, of, trust, signal)).points : [];
      if (looks) shipper.lookAgain(neededFrom(points));
      const { reach, pieces, bytes, shipped } = await shipper.ship(await closeWal(store, Date.now));
      await noteShipped(store.restorePointsDir, shipped);
      const base = points.find(({ readable, sealed }) => readable && sealed && followsOn(reach, sealed))?.sealed;
      // Of an earlier look this says what was seen from there: from an older restore point on nobody has looked.
      if (looks) wholeFrom = base === undefined ? reach.from : goesOnAt(base);
      const brought = { at: reach.at, pieces, bytes, ...(wholeFrom !== undefined && { wholeFrom }) };
      // What lies between a gap and a restore point that was taken since is nobody's loss.
      if (base === undefined || goesOnFrom(reach, base)) {
        look = false;
        return brought;
      }
      const { gap, reachedAt } = await logStanding(objects, of, trust, points, signal);
      const why = gap === undefined ? `a piece of the log before ${reach.last} isn't as it was brought` : gapText(gap);
      return { ...brought, at: reachedAt ?? base.takenAt, why: `${why}; take a restore point` };
    },
  };
}

/** Number of the first segment that a restore point in the vault goes on with; 0: all of them may be needed. */
function neededFrom(points: readonly ListedPoint[]): number {
  const starts = points.map(({ sealed }) => (sealed?.database.lsn ? segmentOfLsn(sealed.database.lsn.start) : 0));
  return starts.length === 0 ? 0 : Math.min(...starts);
}
