/** A store's log in pgBackRest's repository, where PostgreSQL itself archives it: how far it is, and whether all of it is there. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { archivedSegments, lastSegment } from '@headgate/adapters/execution/pgbackrest/archived-log';
import {
  closeLog,
  type LogReach,
  logGoesOn,
  missingOnTheWay,
  noteReach,
} from '@headgate/adapters/execution/pgbackrest/log-reach';
import { keptOf } from '@headgate/adapters/execution/pgbackrest/opened-point';
import type { Bounds, PgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest';
import {
  hasPgBackRest,
  openPgBackRest,
  type PgBackRestStore,
} from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import type { StoreLog } from './wal-rounds.ts';

/** Between two looks at the whole of it: what was there may be taken away by others. Rounds. */
const ALL_EVERY = 20;
/** For a round. Milliseconds. */
const ROUND_MS = 30_000;

/** After the cell was opened: its cluster is ours to ask then. */
export async function repositoryLog(cell: CellConfig, name: string, signal: AbortSignal): Promise<StoreLog> {
  const store = physicalStore(cell, name, await findPrograms(15, cell.dir));
  if (!hasPgBackRest(store)) throw new Error(`the store ${name} has no pgBackRest`);
  const own = await openPgBackRest(store);
  const bounds = { deadlineMs: ROUND_MS, signal };
  let rounds = 0;
  let folder: string | undefined;
  let gap: string | undefined;
  let asked = false;
  return {
    lookAgain() {
      asked = true;
    },
    async ship() {
      const known = folder;
      // Where a round doesn't get there the next one looks everywhere.
      folder = undefined;
      const reach = await closeLog(store, own, {
        ...{ now: Date.now, bounds },
        // PostgreSQL's name of a segment begins with that of its folder there.
        ...(known !== undefined && { folder: (segment: string) => `${known}/${segment.slice(0, 16)}` }),
      });
      const looks = known === undefined || asked || rounds++ % ALL_EVERY === 0 || gap !== undefined;
      asked = false;
      if (looks) ({ gap, folder } = await gapIn(store, own, reach, bounds));
      else folder = known;
      if (gap === undefined) await noteReach(own, reach);
      return {
        at: reach.at,
        ...(gap !== undefined && {
          why: `the segment ${gap} isn’t in the repository: nothing after it comes back from restore points before it; take one`,
        }),
      };
    },
  };
}

/** What is missing between the newest restore point that the log goes on from, and its end; and where segments lie. */
async function gapIn(
  store: PgBackRestStore,
  own: PgBackRest,
  reach: LogReach,
  bounds: Bounds,
): Promise<{ readonly gap: string | undefined; readonly folder: string | undefined }> {
  const there = await archivedSegments(own, bounds);
  if (!there.ok) throw new Error(there.why);
  const { kept } = await keptOf(store).list();
  const base = kept.find(({ manifest }) => logGoesOn(reach, manifest.pgbackrest))?.manifest.pgbackrest;
  const gap = base && missingOnTheWay(there.segments, base.firstWal, reach.last);
  // One folder for each cluster that the stanza knew, and in it one for each 256 segments.
  const folder = lastSegment(there.segments) === undefined ? undefined : there.folder?.replace(/\/[^/]*$/, '');
  return { gap, folder };
}
