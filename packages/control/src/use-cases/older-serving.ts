/** Where code serves that is older than its store's schema, and what took the store there takes something from it. */
import {
  answersForOlderCode,
  type CellState,
  type Digest,
  type RanMigration,
  rangesAreDerived,
  storesAhead,
  takesAway,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { loadDeclared } from '../documents-in-store.ts';
import type { Row } from '../ports/store.ts';
import { type ReleaseRecord, streams } from '../records.ts';
import { ranAhead } from './ran-ahead.ts';

/** Releases that are looked into, and groups of cells of which it is looked up what ran there: a look at everything is asked a lot. */
const MOST = { releases: 200, groups: 20 };

/** Code in a cell that serves with a store which went further and lost something meanwhile. */
export interface OlderServing {
  readonly cell: string;
  readonly store: string;
  /** The version that serves. */
  readonly release: string;
  readonly tenants: number;
  readonly schemaVersion: number;
  readonly taking: readonly RanMigration[];
}

interface Group {
  readonly record: ReleaseRecord;
  readonly environment: string;
  readonly cells: CellState[];
}

/** Of cells as they are desired. By what a promotion of that code would be refused for, unless somebody has answered for it. */
export async function olderServing(
  deps: Pick<Deps, 'store' | 'blobs'>,
  cells: readonly CellState[],
): Promise<readonly OlderServing[]> {
  const found: OlderServing[] = [];
  for (const { record, environment, cells: own } of (await groupsAhead(deps, cells)).slice(0, MOST.groups)) {
    const { manifest, application, ref } = record;
    const declared = await loadDeclared(deps.store, application, environment);
    if (!declared.ok) continue;
    const { policy } = declared.declared;
    if (!rangesAreDerived(policy.gates) || answersForOlderCode(policy, ref.digest, await deps.store.now())) continue;
    const ran = await ranAhead(deps, environment, manifest, policy, own);
    for (const cell of own)
      for (const [store, { schemaVersion }] of Object.entries(cell.stores)) {
        const taking = (ran.get(`${cell.cell}/${store}`) ?? []).filter(takesAway);
        if (taking.length === 0) continue;
        const tenants = livingOn(cell, ref.digest).filter((each) => each.store === store).length;
        found.push({ cell: cell.cell, store, release: ref.version, tenants, schemaVersion, taking });
      }
  }
  return found;
}

/** Cells with a store that is ahead of a release that serves there, by the release and the environment. */
async function groupsAhead({ store }: Pick<Deps, 'store'>, cells: readonly CellState[]): Promise<readonly Group[]> {
  const digests = new Set(cells.flatMap((cell) => [...storesByRelease(cell).keys()]));
  const rows = await store.load([...digests].slice(0, MOST.releases).map(streams.release));
  const groups = new Map<string, Group>();
  for (const cell of cells)
    for (const [digest, living] of storesByRelease(cell)) {
      const stream = streams.release(digest);
      const record = (rows.get(stream) as Row<ReleaseRecord> | undefined)?.state;
      if (record === undefined) continue;
      const stores = Object.fromEntries(Object.entries(cell.stores).filter(([name]) => living.has(name)));
      const own = { ...cell, stores };
      if (storesAhead(record.manifest, [own]).size === 0) continue;
      const key = `${cell.environment} ${stream}`;
      const group = groups.get(key) ?? { record, environment: cell.environment, cells: [] };
      groups.set(key, group);
      group.cells.push(own);
    }
  return [...groups.values()];
}

/** The stores in which tenants live whom a release serves, by the release. */
function storesByRelease({ tenants, slots }: CellState): ReadonlyMap<Digest, ReadonlySet<string>> {
  const stores = new Map<Digest, Set<string>>();
  for (const { slot, store } of Object.values(tenants)) {
    const digest = slots[slot]?.release?.digest;
    if (digest === undefined) continue;
    const own = stores.get(digest) ?? new Set();
    stores.set(digest, own.add(store));
  }
  return stores;
}

function livingOn({ tenants, slots }: CellState, digest: string) {
  return Object.values(tenants).filter(({ slot }) => slots[slot]?.release?.digest === digest);
}
