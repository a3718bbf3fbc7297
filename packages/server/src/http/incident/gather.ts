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
} from '@headgate/domain';
import type { Context } from '../context.ts';
import { allRows } from '../paging.ts';

/** Rows that one look reads at most. */
const MOST = { cells: 2_000, open: 200, ended: 200, rollouts: 4_000, watches: 1_000 };
const LOADED_AT_ONCE = 1_000;

export interface Gathered {
  readonly facts: IncidentFacts;
  /** Ended in this time, the newest first. */
  readonly ended: readonly Promotion[];
  readonly truncated: boolean;
}

export async function gatherIncident(
  { deps, gatherers }: Context,
  now: Instant,
  asked: { readonly hours: number; readonly environment?: string },
): Promise<Gathered> {
  const { store } = deps;
  const since = now - asked.hours * 3_600_000;
  const facet = asked.environment === undefined ? {} : { facet: asked.environment };
  const [cells, open, late, watches] = await Promise.all([
    allRows<CellRecord>(store, 'cell', MOST.cells, facet),
    store.list('promotion', { open: true, limit: MOST.open + 1, ...facet }),
    store.list('promotion', { endedSince: since, limit: MOST.ended + 1, ...facet }),
    allRows<Hypercare>(store, 'hypercare', MOST.watches),
  ]);
  const ended = states<Promotion>(late.slice(0, MOST.ended)).sort((a, b) => endOf(b) - endOf(a));
  // Those that went as planned to their end need no look into their rollouts.
  const wrong = ended.filter((p) => p.phase === 'ended' && p.result !== 'promoted' && p.wave > 0);
  const involved = [...states<Promotion>(open.slice(0, MOST.open)), ...wrong];
  const { rollouts, cut } = await rolloutsOf(store, involved);
  const promotions: InvolvedPromotion[] = [];
  for (const promotion of involved) {
    const plan = await gatherers.plans.find(promotion.planDigest);
    if (plan === undefined) continue;
    promotions.push({ promotion, plan, rollouts: rollouts.get(promotion.id) ?? new Map() });
  }
  const alarms = watches.rows
    .map(({ state }) => state)
    .flatMap((w) => (w.phase === 'alarmed' ? [w] : []))
    .filter((w) => asked.environment === undefined || w.environment === asked.environment);
  return {
    facts: { now, since, cells: cells.rows.flatMap(seenCell), promotions, alarms },
    ended,
    truncated: cut || cells.truncated || open.length > MOST.open || late.length > MOST.ended,
  };
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
