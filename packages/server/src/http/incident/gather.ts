/** What the incident's decider is asked with: bounded reads, each said when it met its bound. */
import { type CellRecord, type ControlStore, type Row, streams } from '@headgate/control';
import type {
  Hypercare,
  IncidentFacts,
  Instant,
  InvolvedPromotion,
  Promotion,
  Rollout,
  SeenCell,
  TakenBack,
} from '@headgate/domain';
import type { Context } from '../context.ts';
import { allRows, cellRows, openPromotions } from '../paging.ts';
import { allTakenBack } from '../taken-back.ts';

/** Rows that one look reads at most. */
const MOST = { cells: 2_000, open: 10_000, begun: 200, ended: 200, rollouts: 4_000, watches: 1_000 };
const LOADED_AT_ONCE = 1_000;

export interface Gathered {
  readonly facts: IncidentFacts;
  /** Ended in this time or taken back in it, the newest first. */
  readonly ended: readonly Promotion[];
  /** By promotion: what agents took back after its end. */
  readonly takenBack: ReadonlyMap<string, TakenBack>;
  /** What wasn't read because there is too much of it, in words; empty: everything was. */
  readonly unread: readonly string[];
}

export async function gatherIncident(
  { deps, gatherers }: Context,
  now: Instant,
  asked: { readonly hours: number; readonly environment?: string },
): Promise<Gathered> {
  const { store } = deps;
  const since = now - asked.hours * 3_600_000;
  const facet = asked.environment === undefined ? {} : { facet: asked.environment };
  const [cells, open, late, watches, back] = await Promise.all([
    cellRows(store, MOST.cells, facet),
    openPromotions(store, MOST.open, facet),
    store.list('promotion', { endedSince: since, limit: MOST.ended + 1, ...facet }),
    allRows<Hypercare>(store, 'hypercare', MOST.watches),
    allTakenBack(store, asked.environment),
  ]);
  const takenBack = new Map(back.all.map((each) => [each.promotion, each]));
  const lately = back.all.filter(({ cells: of }) => of.some(({ at }) => at >= since));
  const inTime = states<Promotion>(late.slice(0, MOST.ended));
  const known = new Set(inTime.map(({ id }) => id));
  const before = lately.filter(({ promotion }) => !known.has(promotion)).slice(0, MOST.ended);
  const earlier = await store.load(before.map(({ promotion }) => streams.promotion(promotion)));
  const ended = [...inTime, ...states<Promotion>([...earlier.values()])].sort((a, b) => endOf(b) - endOf(a));
  // Those that went as planned to their end need no look into their rollouts.
  const wrong = ended.filter(
    (p) => p.phase === 'ended' && p.wave > 0 && (p.result !== 'promoted' || takenBack.has(p.id)),
  );
  // Nobody is reached by what has yet to begin: it must not take the place of what has.
  const involved = [...open.begun.toSorted((a, b) => Number(asks(b)) - Number(asks(a))).slice(0, MOST.begun), ...wrong];
  const { rollouts, cut } = await rolloutsOf(store, involved);
  const promotions: InvolvedPromotion[] = [];
  for (const promotion of involved) {
    const plan = await gatherers.plans.find(promotion.planDigest);
    if (plan === undefined) continue;
    const undone = takenBack.get(promotion.id);
    promotions.push({
      ...{ promotion, plan, rollouts: rollouts.get(promotion.id) ?? new Map() },
      ...(undone !== undefined && { takenBack: undone }),
    });
  }
  const alarms = watches.rows
    .map(({ state }) => state)
    .flatMap((w) => (w.phase === 'alarmed' ? [w] : []))
    .filter((w) => asked.environment === undefined || w.environment === asked.environment);
  const named = [...involved, ...alarms].flatMap((each) => each.cells);
  const seen = await withNamed(store, named, cells.rows);
  return {
    facts: { now, since, cells: seen.flatMap(seenCell), promotions, alarms },
    ended,
    takenBack,
    unread: [
      ...(cells.truncated ? [`cells beyond the first ${of(MOST.cells)} in which nothing was seen to be wrong`] : []),
      ...(open.truncated ? [`open promotions beyond the first ${of(MOST.open)}`] : []),
      ...(open.begun.length > MOST.begun ? [`promotions under way beyond the first ${of(MOST.begun)}`] : []),
      ...(late.length > MOST.ended ? [`ended promotions beyond the first ${of(MOST.ended)}`] : []),
      ...(cut ? [`rollouts beyond the first ${of(MOST.rollouts)}`] : []),
      ...(back.truncated || lately.length > MOST.ended ? ['what agents took back late, beyond what fits'] : []),
      ...(watches.truncated ? [`watches beyond the first ${of(MOST.watches)}`] : []),
    ],
  };
}

const of = (bound: number) => bound.toLocaleString('en');

/** Whether somebody stopped it, or it asks for somebody: these are read first. */
function asks({ phase }: Promotion): boolean {
  return phase === 'paused' || phase === 'held' || phase === 'undoing';
}

/** The cells, and those beyond the bound that a promotion or an alarm names. */
async function withNamed(store: ControlStore, names: readonly string[], cells: readonly Row<CellRecord>[]) {
  const read = new Set(cells.map(({ stream }) => stream));
  const missing = [...new Set(names.map(streams.cell))].filter((stream) => !read.has(stream)).slice(0, MOST.rollouts);
  const more: Row<CellRecord>[] = [];
  for (let i = 0; i < missing.length; i += LOADED_AT_ONCE)
    more.push(...((await store.load(missing.slice(i, i + LOADED_AT_ONCE))).values() as Iterable<Row<CellRecord>>));
  return [...cells, ...more];
}

function seenCell({ stream, state: record }: Row<CellRecord>): readonly SeenCell[] {
  const { observed, desired, uncertain } = record;
  const state = observed?.state ?? desired;
  if (state === undefined) return [];
  const cell = stream.slice('cell/'.length);
  const { environment, application } = desired ?? state;
  return [{ cell, environment, application, uncertain, state, observedAt: observed?.at }];
}

async function rolloutsOf(store: ControlStore, promotions: readonly Promotion[]) {
  const ids = promotions.flatMap(({ id, cells }) => cells.map((cell) => streams.rollout(`${id}.${cell}`)));
  const asked = ids.slice(0, MOST.rollouts);
  const rollouts = new Map<string, Map<string, Rollout>>();
  for (let i = 0; i < asked.length; i += LOADED_AT_ONCE)
    for (const { state } of (await store.load(asked.slice(i, i + LOADED_AT_ONCE))).values()) {
      const rollout = state as Rollout;
      const own = rollouts.get(rollout.promotion) ?? new Map<string, Rollout>();
      rollouts.set(rollout.promotion, own.set(rollout.cell, rollout));
    }
  return { rollouts, cut: ids.length > asked.length };
}

function states<S>(rows: readonly Row[]): S[] {
  return rows.map((row) => row.state as S);
}

function endOf(promotion: Promotion): Instant {
  return promotion.phase === 'ended' ? promotion.at : 0;
}
