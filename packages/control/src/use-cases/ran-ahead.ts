/** What took stores further than a release was built for: looked up only where its range is derived, and it is older. */
import {
  ANALYSIS,
  type CellState,
  hasBegun,
  type Plan,
  type PolicySpec,
  type Promotion,
  type RanAhead,
  type RanMigration,
  type ReleaseManifest,
  rangesAreDerived,
  storesAhead,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { type ReleaseRecord, streams } from '../records.ts';

/** Promotions of the environment whose plans are looked into, the newest first; of what was before them nobody knows. */
const MOST_PROMOTIONS = 200;

/**
 * By `cell/store`: the migrations beyond the release's own version that promotions ran there. The newest promotion whose plan
 * migrates a store to a version found it below that, so it is what took it there. Nothing, without asking, for a release
 * that is no older than its stores, or whose range somebody declared.
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
  const missing = new Set<string>();
  for (const [place, versions] of storesAhead(manifest, cells))
    for (const to of versions) missing.add(`${place} ${to}`);
  if (missing.size === 0) return found;
  const page = { facet: environment, byTime: {}, descending: true, limit: MOST_PROMOTIONS };
  for (const { state } of (await deps.store.list('promotion', page)) as readonly Row<Promotion>[]) {
    if (missing.size === 0) break;
    // What has not begun ran nothing.
    if (!hasBegun(state)) continue;
    const plan = await planOf(deps, state);
    for (const { cell, steps } of plan.cells)
      for (const { action } of steps) {
        if (action.kind !== 'migrate') continue;
        const place = `${cell}/${action.store}`;
        for (const migration of action.migrations)
          if (missing.delete(`${place} ${migration.to}`)) {
            const ran = { promotion: state.id, release: state.release, migration };
            found.set(place, [...(found.get(place) ?? []), ran]);
          }
      }
  }
  return withAnalyses(deps, found);
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
