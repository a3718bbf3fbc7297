/** What could come back to an environment's cells: gathered only where a release removes something. */
import type { Digest, Hypercare, Instant, Plan, Promotion, ReleaseManifest, WayBackUser } from '@headgate/domain';
import { ANALYSIS, hasBegun, REHEARSAL } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { type ReleaseRecord, streams } from '../records.ts';

/** Promotions of one environment that are open at once; more than one are waiting for each other's cells. */
const PAGE = 1_000;

/**
 * The code that the undo of every promotion under way, and the watch over the last one, would bring back. `ending`: the
 * promotion that ends before this one begins. Nothing, without asking, for a release that removes nothing.
 */
export async function waysBack(
  { store, blobs }: Pick<Deps, 'store' | 'blobs'>,
  environment: string,
  manifest: ReleaseManifest,
  ending: string | undefined,
): Promise<readonly WayBackUser[]> {
  if (!manifest.migrations.some(({ phase }) => phase === 'contract')) return [];
  const users: WayBackUser[] = [];
  const bases = async (digest: Digest, kind: WayBackUser['kind'], name: string): Promise<void> => {
    const bytes = await blobs.get(digest);
    if (bytes === undefined) throw new Error(`plan ${digest} is missing from the blobs`);
    users.push(...basesOf(JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan, kind, name));
  };
  for (let after: string | undefined; ; ) {
    const behind = after !== undefined && { after };
    const page = await store.list('promotion', { open: true, facet: environment, limit: PAGE, ...behind });
    // What has not begun leads back nowhere.
    for (const { state } of page as readonly Row<Promotion>[])
      if (hasBegun(state) && state.id !== ending)
        await bases(state.planDigest, 'way-back', `the undo of promotion ${state.id}`);
    if (page.length < PAGE) break;
    after = page.at(-1)?.stream;
  }
  const watch = await watched(store, environment);
  if (watch !== undefined) {
    const { id, planDigest } = watch.promotion;
    const ends = new Date(watch.endsAt).toISOString().replace(/\.\d+Z$/, 'Z');
    await bases(planDigest, 'watch', `the watch over promotion ${id} (until ${ends}, unless it alarms)`);
  }
  return users;
}

/** The promotion that is still watched, and when that ends by itself; undefined: none is. */
async function watched(
  store: Deps['store'],
  environment: string,
): Promise<{ readonly promotion: Promotion; readonly endsAt: Instant } | undefined> {
  const stream = streams.hypercare(environment);
  const watch = (await store.load([stream])).get(stream)?.state as Hypercare | undefined;
  if (watch === undefined || watch.phase === 'ended') return undefined;
  const promotion = streams.promotion(watch.promotion);
  const state = (await store.load([promotion])).get(promotion)?.state as Promotion | undefined;
  const later = watch.stages.slice(watch.stage + 1).reduce((sum, { durationMs }) => sum + durationMs, 0);
  return state && { promotion: state, endsAt: watch.until + later };
}

function basesOf({ cells }: Plan, kind: WayBackUser['kind'], name: string): readonly WayBackUser[] {
  return cells.map(({ cell, base, slot }) => {
    const { release, schemaRange } = base.slots[slot.from] ?? {};
    const user = { cell, kind, name, version: release?.version ?? 'what ran before' };
    return schemaRange === undefined ? user : { ...user, range: schemaRange };
  });
}

/** What the newest analysis of a release says that its migrations remove, by the version that each leads to. */
export function removedBy({ evidence }: Pick<ReleaseRecord, 'evidence'>): ReadonlyMap<number, readonly string[]> {
  const all = evidence.flatMap(({ predicateType, analysis }) =>
    predicateType === ANALYSIS && analysis !== undefined ? [analysis] : [],
  );
  const newest = all.toSorted((a, b) => a.at - b.at).at(-1);
  return new Map(
    (newest?.migrations ?? []).flatMap(({ to, removes }) => (removes === undefined ? [] : [[to, removes]])),
  );
}

/** Whether a verified rehearsal of a release says that its ways back lose data, as their files declare. */
export function losesGoingBack({ evidence = [], ref }: Pick<ReleaseRecord, 'evidence' | 'ref'>): boolean {
  return evidence.some(
    ({ predicateType, verified, subject, rehearsal }) =>
      predicateType === REHEARSAL && verified && subject === ref.digest && rehearsal?.wayBack === 'declared-lossy',
  );
}
