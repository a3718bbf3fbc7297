/** What lies of a store in its own repository, and how fresh it is; on the store's machine, and on any other. */
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { archivedSegments, lastSegment } from '@headgate/adapters/execution/pgbackrest/archived-log';
import { logGoesOn, missingOnTheWay, readLogReach } from '@headgate/adapters/execution/pgbackrest/log-reach';
import { pgbackrestFolder } from '@headgate/adapters/execution/pgbackrest/own-configuration';
import { type Bounds, PgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest';
import {
  hasPgBackRest,
  openPgBackRest,
  type PgBackRestStore,
} from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { listRepository, type RepositoryList } from '@headgate/adapters/execution/pgbackrest/repository-list';
import { physicalStore } from '@headgate/adapters/execution/restore-points/physical-store';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { type Freshness, freshnessOf } from '@headgate/domain';

/** For each question. Milliseconds. */
const LOOK_MS = 120_000;

export interface InRepository {
  readonly list: RepositoryList;
  readonly freshness: Freshness;
  /** The newest segment of the log there. */
  readonly last?: string;
  /** What is wrong with the log, or isn't known of it. */
  readonly log?: string;
}

/** Looks. Throws, in words, while the repository can't be looked at: nobody knows then what there is. */
export async function lookInRepository(cell: CellConfig, name: string, signal: AbortSignal): Promise<InRepository> {
  return withRepository(cell, name, signal, async (store, own, bounds) => {
    const list = await listRepository(store, own, bounds);
    if (!list.ok) throw new Error(list.why);
    const there = await archivedSegments(own, bounds);
    if (!there.ok) throw new Error(there.why);
    const reach = await readLogReach(store.cluster.dir, store.pgbackrest);
    const base = list.kept.find(({ manifest }) => reach !== undefined && logGoesOn(reach, manifest.pgbackrest));
    const gap = base && missingOnTheWay(there.segments, base.manifest.pgbackrest.firstWal, reach!.last);
    const last = lastSegment(there.segments);
    const points = [
      ...list.kept.map(({ manifest: { id, takenAt, rollout } }) => ({ id, takenAt, rollout, readable: true })),
      // When it was taken isn't known.
      ...list.unreadable.map(({ id }) => ({ id, takenAt: 0, readable: false })),
    ];
    const goesOn = base !== undefined && gap === undefined ? reach!.at : undefined;
    const log =
      gap !== undefined
        ? `its segment ${gap} isn’t there: nothing after it comes back; take a restore point`
        : reach === undefined
          ? `its newest segment there is ${last ?? 'none'}; up to which moment it is complete the agent of the store’s machine notes, and nothing is noted here`
          : base === undefined && list.kept.length > 0
            ? 'it goes on from none of the restore points: take one'
            : undefined;
    return {
      ...{ list, freshness: freshnessOf(points, Date.now(), goesOn) },
      ...(last !== undefined && { last }),
      ...(log !== undefined && { log }),
    };
  });
}

/**
 * The store's pgBackRest: the one beside its cluster where there is one, else one that is thrown away, since it holds the repository's
 * secrets.
 */
export async function withRepository<T>(
  cell: CellConfig,
  name: string,
  signal: AbortSignal,
  use: (store: PgBackRestStore, own: PgBackRest, bounds: Bounds) => Promise<T>,
): Promise<T> {
  const bounds = { deadlineMs: LOOK_MS, signal };
  const here = await stat(pgbackrestFolder(cell.stores[name]!.clusterDir)).catch(() => undefined);
  if (here !== undefined) {
    const store = await storeOf(cell, name, cell.dir);
    return use(store, await openPgBackRest(store), bounds);
  }
  const dir = await mkdtemp(join(tmpdir(), 'headgate-repository-'));
  try {
    await chmod(dir, 0o755); // as root pgBackRest runs as another user
    const store = await storeOf(cell, name, dir);
    const { config, programs } = store.cluster;
    const place = { dir: join(dir, 'pgbackrest'), data: join(dir, 'data'), port: config.port, user: programs.user };
    return await use(store, await PgBackRest.open({ config: store.pgbackrest, ...place }), bounds);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function storeOf(cell: CellConfig, name: string, reachable: string): Promise<PgBackRestStore> {
  const store = physicalStore(cell, name, await findPrograms(15, reachable));
  if (!hasPgBackRest(store)) throw new Error(`the store ${name} of ${cell.cell} has no pgBackRest`);
  return store;
}
