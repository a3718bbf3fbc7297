/** The log of an Odoo cell's PostgreSQL by rounds, and the backups that it goes on from: one at a time, when they are due. */
import { odooStores } from '@headgate/adapters/execution/odoo/odoo-cell';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { backUpServer, loggedServer, roundOfLog } from '@headgate/adapters/execution/odoo/server-log';
import { openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import type { StoreLog } from './wal-rounds.ts';

/** For a round. Milliseconds. */
const ROUND_MS = 30_000;
/** For a backup. Milliseconds. */
const BACKUP_MS = 12 * 60 * 60_000;
/** Before one that failed is tried again. Milliseconds. */
const AGAIN_MS = 10 * 60_000;

/** After the cell was opened: its cluster is ours to ask then. */
export async function serverLog(cell: OdooCellConfig, signal: AbortSignal): Promise<StoreLog> {
  const server = loggedServer(cell, odooStores(cell).cluster);
  if (server === undefined) throw new Error(`${cell.cell} has no postgresql.pgbackrest`);
  const own = await openPgBackRest(server);
  const bounds = { deadlineMs: ROUND_MS, signal };
  let isBackingUp = false;
  let failed: { readonly why: string; readonly at: number } | undefined;
  const backUp = async (): Promise<void> => {
    try {
      await backUpServer(server, own, { deadlineMs: BACKUP_MS, signal });
      failed = undefined;
    } catch (error) {
      failed = { why: `no backup could be taken: ${(error as Error).message}`, at: performance.now() };
    }
    isBackingUp = false;
  };
  return {
    // Each round looks at the whole of it.
    lookAgain() {},
    async ship() {
      const { reach, gap, dueAt } = await roundOfLog(server, own, bounds);
      // The log goes on meanwhile: a large server's takes hours.
      const waits = failed !== undefined && performance.now() - failed.at < AGAIN_MS;
      if (dueAt <= Date.now() && !waits && !isBackingUp) {
        isBackingUp = true;
        void backUp();
      }
      const why = [gap, failed?.why].filter((each) => each !== undefined).join('; ');
      return { at: reach.at, ...(why !== '' && { why }) };
    },
  };
}
