/** What took stores further than a release was built for: looked up only where its range is derived, and it is older. */
import {
  ANALYSIS,
  type CellPlan,
  type CellState,
  hasBegun,
  type MigrationRef,
  type Plan,
  type PolicySpec,
  type Promotion,
  type RanAhead,
  type RanMigration,
  type ReleaseManifest,
  type Rollout,
  rangesAreDerived,
  storesAhead,
  undoSteps,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { type ReleaseRecord, rolloutId, streams } from '../records.ts';

/** Promotions of the environment whose plans are looked into, the newest first; of what was before them nobody knows. */
const MOST_PROMOTIONS = 200;

/**
 * By `cell/store`: the migrations beyond the release's own version that promotions ran there, and didn't take back. Rollouts say
 * which: that a promotion was asked for last, or begun, says nothing of it. Of several that may have taken a store to a version
 * all are told. Nothing, without asking, for a release that is no older than its stores, or whose range somebody declared.
 */
export async function ranAhead(
  deps: Pick<Deps, 'store' | 'blobs'>,
  environment: string,
  manifest: ReleaseManifest,
  { gates }: Pick<PolicySpec, 'gates'>,
  cells: readonly CellState[],
): Promise<RanAhead> {
  const found = new Map<string, Omit<RanMigration, 'removes'>[]>();
  if (!rangesAreDerived(gates)) return found;
  const ahead = storesAhead(manifest, cells);
  if (ahead.size === 0) return found;
  const names = cells.flatMap(({ cell, stores }) =>
    Object.keys(stores).some((at) => ahead.has(`${cell}/${at}`)) ? cell : [],
  );
  const page = { facet: environment, byTime: {}, descending: true, limit: MOST_PROMOTIONS };
  for (const { state } of (await deps.store.list('promotion', page)) as readonly Row<Promotion>[]) {
    // What has not begun ran nothing.
    if (!hasBegun(state)) continue;
    const rows = await deps.store.load(names.map((cell) => streams.rollout(rolloutId(state.id, cell))));
    // One that has begun no step there ran nothing either, and its plan needn’t be read for that.
    const begun = [...rows.values()].map((row) => row.state as Rollout).filter((rollout) => rollout.begun > 0);
    const rollouts = new Map(begun.map((rollout) => [rollout.cell, rollout]));
    if (rollouts.size === 0) continue;
    for (const cell of (await planOf(deps, state)).cells) {
      const rollout = rollouts.get(cell.cell);
      for (const { store, migration } of rollout === undefined ? [] : ranIn(cell, rollout)) {
        const place = `${cell.cell}/${store}`;
        if (ahead.get(place)?.includes(migration.to) !== true) continue;
        const ran = { promotion: state.id, release: state.release, migration };
        const known = found.get(place) ?? [];
        // The same bytes of the same release are told once, by whoever asked last.
        if (!known.some((each) => isSame(each, ran))) found.set(place, [...known, ran]);
      }
    }
  }
  return withAnalyses(deps, found);
}

/** What a rollout ran, or may have run, and didn't take back. */
function ranIn(cell: CellPlan, { begun, undo }: Rollout): readonly { store: string; migration: MigrationRef }[] {
  const undone = undo === null ? [] : undoSteps(cell, undo.scope, begun).slice(0, undo.cursor);
  return cell.steps.slice(0, begun).flatMap(({ id, action }) => {
    if (action.kind !== 'migrate') return [];
    const back = undone.find((step) => step.id === `undo.${id}`)?.action;
    const left = back !== undefined && 'to' in back ? back.to : action.to;
    const { store } = action;
    return action.migrations.filter(({ to }) => to <= left).map((migration) => ({ store, migration }));
  });
}

function isSame(a: Omit<RanMigration, 'removes'>, b: Omit<RanMigration, 'removes'>): boolean {
  const same = a.migration.to === b.migration.to && a.migration.phase === b.migration.phase;
  return same && a.release.digest === b.release.digest && a.migration.file.digest === b.migration.file.digest;
}

async function planOf({ blobs }: Pick<Deps, 'blobs'>, { planDigest }: Promotion): Promise<Plan> {
  const bytes = await blobs.get(planDigest);
  if (bytes === undefined) throw new Error(`plan ${planDigest} is missing from the blobs`);
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan;
}

/** What verified analyses of exactly those bytes say; of several the one that says most. */
async function withAnalyses(
  { store }: Pick<Deps, 'store'>,
  found: ReadonlyMap<string, readonly Omit<RanMigration, 'removes'>[]>,
): Promise<RanAhead> {
  const digests = new Set([...found.values()].flat().map(({ release }) => release.digest));
  const rows = await store.load([...digests].map(streams.release));
  const analysed = (ran: Omit<RanMigration, 'removes'>): RanMigration => {
    const { digest } = ran.release;
    const record = rows.get(streams.release(digest))?.state as ReleaseRecord | undefined;
    const said = (record?.evidence ?? []).flatMap(({ predicateType, verified, subject, analysis }) =>
      predicateType === ANALYSIS && verified && subject === digest && analysis !== undefined
        ? analysis.migrations.filter(
            (each) => each.to === ran.migration.to && each.digest === ran.migration.file.digest,
          )
        : [],
    );
    if (said.length === 0) return ran;
    // An analysis that found nothing taken away says no `removes`; one that did and names nothing has taken something.
    const removes = said.flatMap((each) => (each.removes?.length === 0 ? ['something'] : (each.removes ?? [])));
    return { ...ran, removes: [...new Set(removes)] };
  };
  return new Map([...found].map(([place, ran]) => [place, ran.map(analysed)]));
}
