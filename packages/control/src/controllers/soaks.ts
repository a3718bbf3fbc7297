/**
 * What becomes of soaks. A release's soak in an environment begins when a promotion leaves everybody there on it. It ends
 * with the first wave of another one, since from then on somebody may be elsewhere, and goes on when all of them are back;
 * it ends, too, when an agent tells that it took the release back.
 */
import {
  type CellState,
  type Digest,
  evolveSoaked,
  type Instant,
  type Plan,
  type Promotion,
  reachesEverybody,
  type SoakEvent,
  soaksIn,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Read, Row, Write } from '../ports/store.ts';
import { type CellRecord, type ReleaseRecord, streams } from '../records.ts';
import { declaredCells } from '../use-cases/plan-promotion.ts';

type Ended = Extract<SoakEvent, { type: 'release.soak-ended' }>['data'];

interface Soaks {
  readonly writes: readonly Write[];
  /** What was read to decide on them. */
  readonly reads: readonly Read[];
}

/** What a promotion that has just begun or ended (`state` is how it stands then) writes of soaks. */
export async function soaksAfter(
  deps: Pick<Deps, 'store'>,
  state: Promotion,
  plan: Plan,
  now: Instant,
): Promise<Soaks> {
  const { id, phase, environment, release } = state;
  const because = `promotion ${id} took ${release.version} there`;
  if (phase !== 'ended' || state.result === 'promoted') {
    const ended = await endSoaks(deps, displacedBy(plan), { environment, until: now, because, promotion: id });
    if (phase !== 'ended') return { writes: ended, reads: [] };
    const { writes, reads } = await beginSoak(deps, id, plan, now);
    return { writes: [...ended, ...writes], reads };
  }
  return resumeSoak(deps, id, plan, now);
}

/** Ends the soaks of these releases in an environment, where they have one. */
export async function endSoaks(
  { store }: Pick<Deps, 'store'>,
  releases: readonly Digest[],
  ended: Ended,
): Promise<readonly Write[]> {
  if (releases.length === 0) return [];
  const rows = [...(await store.load(releases.map(streams.release))).values()] as Row<ReleaseRecord>[];
  return rows
    .filter(({ state }) => soaksIn(state.soaked, ended.environment))
    .map((row) => soakWrite(row, { type: 'release.soak-ended', data: ended }));
}

/** A release that only some tenants have isn't one that the environment lives with. */
async function beginSoak(
  deps: Pick<Deps, 'store'>,
  promotion: string,
  plan: Plan,
  promotedAt: Instant,
): Promise<Soaks> {
  const own = new Set(plan.cells.map(({ cell }) => cell));
  const names = (await declaredCells(deps, plan.environment)).filter((name) => !own.has(name));
  const others = await cellsNow(deps, plan.application, names, ({ uncertain, observed, desired }) =>
    uncertain ? observed?.state : desired,
  );
  if (others === undefined || !reachesEverybody(plan, others.states)) return NOTHING;
  const row = await releaseRow(deps, plan.release.digest);
  if (row === undefined) return NOTHING;
  const data = { environment: plan.environment, promotedAt, promotion };
  return { writes: [soakWrite(row, { type: 'release.promoted', data })], reads: others.reads };
}

/** The soak of what a plan found goes on when everybody of the environment is back on it. */
async function resumeSoak(
  deps: Pick<Deps, 'store'>,
  promotion: string,
  plan: Plan,
  promotedAt: Instant,
): Promise<Soaks> {
  const { environment } = plan;
  const names = await declaredCells(deps, environment);
  const cells = await cellsNow(deps, plan.application, names, ({ uncertain, desired }) =>
    uncertain ? undefined : desired,
  );
  const [release, ...others] = servingIn(cells?.states ?? []);
  if (cells === undefined || release === undefined || others.length > 0 || release === plan.release.digest)
    return NOTHING;
  const row = await releaseRow(deps, release);
  // Nothing goes on that never was, or never ended.
  if (row === undefined || soaksIn(row.state.soaked, environment)) return NOTHING;
  if (!row.state.soaked.some((each) => each.environment === environment)) return NOTHING;
  const data = { environment, promotedAt, promotion };
  return { writes: [soakWrite(row, { type: 'release.soak-resumed', data })], reads: cells.reads };
}

const NOTHING: Soaks = { writes: [], reads: [] };

/** The releases on which a plan finds whoever lives in its cells, but for its own. */
function displacedBy(plan: Plan): readonly Digest[] {
  const found = servingIn(plan.cells.map(({ base }) => base));
  return found.filter((digest) => digest !== undefined && digest !== plan.release.digest) as Digest[];
}

/** What serves the tenants of cells, each once; undefined: nobody knows what. */
function servingIn(cells: readonly CellState[]): readonly (Digest | undefined)[] {
  const serving = new Set<Digest | undefined>();
  for (const { slots, tenants } of cells)
    for (const { slot } of Object.values(tenants)) serving.add(slots[slot]?.release?.digest);
  return [...serving];
}

/** Of so many cells the versions are checked again as it is committed; a commit's reads are bounded. */
const MOST_CHECKED = 800;

/** An application's cells as they are, with the versions that they were read at. Undefined: nobody knows what stands in one. */
async function cellsNow(
  { store }: Pick<Deps, 'store'>,
  application: string,
  names: readonly string[],
  known: (record: CellRecord) => CellState | undefined,
): Promise<{ readonly states: readonly CellState[]; readonly reads: readonly Read[] } | undefined> {
  const rows = await store.load(names.map(streams.cell));
  const states: CellState[] = [];
  for (const name of names) {
    const record = rows.get(streams.cell(name))?.state as CellRecord | undefined;
    const runs = (record?.desired ?? record?.observed?.state)?.application;
    if (runs !== undefined && runs !== application) continue;
    const state = record && known(record);
    if (state === undefined) return undefined;
    states.push(state);
  }
  const reads = [...rows.values()].map(({ stream, version }) => ({ stream, version }));
  return { states, reads: reads.slice(0, MOST_CHECKED) };
}

async function releaseRow({ store }: Pick<Deps, 'store'>, digest: Digest): Promise<Row<ReleaseRecord> | undefined> {
  const stream = streams.release(digest);
  return (await store.load([stream])).get(stream) as Row<ReleaseRecord> | undefined;
}

function soakWrite({ stream, version, state }: Row<ReleaseRecord>, event: SoakEvent): Write {
  const soaked = evolveSoaked(state.soaked, event);
  return { stream, expected: version, entries: [event], state: { ...state, soaked }, dueAt: null };
}
