import {
  type CellState,
  dueOfHypercare,
  dueOfPromotion,
  evolveHypercare,
  evolvePromotion,
  evolveRollout,
  type Hypercare,
  type HypercareStage,
  type Instant,
  nextOfPromotion,
  type PolicySpec,
  type Promotion,
  type PromotionEvent,
  type PromotionFacts,
  type Rollout,
  succeedHypercare,
} from '@headgate/domain';
import { objectionsTo } from '../agent-pins.ts';
import type { Deps } from '../deps.ts';
import type { GateFactsGatherer, Plans } from '../facts.ts';
import type { Committed, Read, Row, StreamId, Write } from '../ports/store.ts';
import { type CellRecord, type DocumentRecord, rolloutId, streams } from '../records.ts';
import { unmaskedCells } from '../unmasked-cells.ts';
import { holdsCells } from '../use-cases/overtaking.ts';
import { soaksAfter } from './soaks.ts';
import type { Controller } from './tick.ts';

export interface GatheredPromotion {
  readonly facts: PromotionFacts;
  readonly reads: readonly Read[];
  readonly rows: ReadonlyMap<StreamId, Row>;
}

export async function gatherPromotion(
  deps: Deps,
  plans: Plans,
  gates: GateFactsGatherer,
  row: Row<Promotion>,
  now: Instant,
): Promise<GatheredPromotion> {
  const { state } = row;
  const plan = await plans.get(state.planDigest);
  const rolloutStreams = state.cells.map((cell) => streams.rollout(rolloutId(state.id, cell)));
  // After a restore it must be known of each what was done there.
  const cellStreams = state.wave === 0 || deps.epoch > 1 ? state.cells.map(streams.cell) : [];
  const hypercare = streams.hypercare(state.environment);
  const gathered = await gates.gather(state, plan, now, [
    ...rolloutStreams,
    ...cellStreams,
    hypercare,
    streams.document('Environment', state.environment),
  ]);
  const rollouts = new Map<string, Rollout>();
  for (const stream of rolloutStreams) {
    const rollout = gathered.rows.get(stream)?.state as Rollout | undefined;
    if (rollout !== undefined) rollouts.set(rollout.cell, rollout);
  }
  const epochOf = (cell: string) =>
    (gathered.rows.get(streams.cell(cell))?.state as CellRecord | undefined)?.epoch ?? 1;
  const unread = deps.epoch > 1 ? state.cells.filter((cell) => epochOf(cell) < deps.epoch) : [];
  const baseChanged: string[] = [];
  if (state.wave === 0) {
    for (const cell of plan.cells) {
      const record = gathered.rows.get(streams.cell(cell.cell))?.state as CellRecord | undefined;
      if (record?.desired === undefined || record.uncertain || !sameState(deps, record.desired, cell.base))
        baseChanged.push(cell.cell);
    }
  }
  const { overtakes } = state;
  const overtakenOpen = state.wave === 0 && overtakes !== undefined && (await holdsCells(deps, overtakes));
  const objections =
    state.wave === 0 && state.phase === 'awaiting'
      ? await objectionsTo(deps.store, plan, gathered.rows, gathered.gates)
      : [];
  const unmasked =
    state.phase === 'awaiting' && state.wave < state.waves
      ? await unmaskedCells(deps.store, plan, gathered.rows, now)
      : { refusals: [], reads: [] };
  const known = state.wave === 0 ? cellStreams : [];
  return {
    facts: {
      now,
      plan,
      gates: gathered.gates,
      rollouts,
      baseChanged,
      ...(unread.length > 0 && { unread }),
      ...(overtakenOpen && { overtakenOpen }),
      ...(objections.length > 0 && { objections }),
      ...(unmasked.refusals.length > 0 && { unmasked: unmasked.refusals }),
    },
    // Rollouts move all the time; what was seen of them only ever makes the promotion look again, so their versions are not checked.
    reads: [
      ...gathered.reads,
      // Once read back a cell stays so; what else it is matters before the first wave alone.
      ...known.map((stream) => ({ stream, version: gathered.rows.get(stream)?.version ?? 0 })),
      ...unmasked.reads.filter(({ stream }) => !known.includes(stream)),
    ],
    rows: gathered.rows,
  };
}

function sameState(deps: Deps, a: CellState, b: CellState): boolean {
  return a === b || deps.digestOf(a) === deps.digestOf(b);
}

/** Commits a promotion's events: its own row, the rollouts that its first wave opens, and what its end leaves behind. */
export async function commitPromotion(
  deps: Deps,
  row: Row<Promotion>,
  gathered: GatheredPromotion,
  events: readonly PromotionEvent[],
  by: string,
): Promise<Committed> {
  const { store } = deps;
  const { facts } = gathered;
  let state: Promotion = row.state;
  for (const event of events) state = evolvePromotion(state, event);
  const writes: Write[] = [
    { stream: row.stream, expected: row.version, entries: events, state, dueAt: dueOfPromotion(state, facts.now) },
  ];
  const reads = [...gathered.reads];
  const opens = row.state.wave === 0 && state.wave > 0;
  if (opens) for (const cell of state.cells) writes.push(openRollout(deps, state, cell, gathered));
  const ended = state.phase === 'ended' && row.state.phase !== 'ended' && state.wave > 0 ? state : undefined;
  if (opens || ended !== undefined) {
    const soaks = await soaksAfter(deps, state, facts.plan, facts.now);
    writes.push(...soaks.writes);
    reads.push(...soaks.reads);
  }
  if (ended?.result === 'promoted') {
    writes.push(...(await nextHypercare(deps, state, gathered)));
    // What is said to have ended well is built upon: no agent may have taken it back since it was looked at.
    reads.push(...rolloutsSeen(gathered));
  }
  const wake = opens ? [] : state.cells.map((cell) => streams.rollout(rolloutId(state.id, cell)));
  const committed = await store.commit({ by, writes, reads, wake });
  if (!committed.ok && committed.because === 'exclusive') {
    // Another rollout holds one of the cells: say so, and look again.
    const cell = state.cells.find((name) => streams.rollout(rolloutId(state.id, name)) === committed.conflict);
    const reason = `busy: cell ${cell} is held by ${committed.heldBy}`;
    if (row.state.phase === 'awaiting' && row.state.reason === reason) {
      await store.postpone(row.stream, row.version, facts.now + 1_000);
      return { ok: true };
    }
    const waiting: PromotionEvent = {
      type: 'promotion.waiting',
      data: { reason, verdicts: [], until: state.latestFinish },
    };
    return store.commit({
      by,
      writes: [
        {
          stream: row.stream,
          expected: row.version,
          entries: [waiting],
          state: evolvePromotion(row.state, waiting),
          dueAt: facts.now + 1_000,
        },
      ],
    });
  }
  return committed;
}

function openRollout(deps: Deps, promotion: Promotion, cell: string, gathered: GatheredPromotion): Write {
  const id = rolloutId(promotion.id, cell);
  const { environment, planDigest: plan, closesOperations, latestFinish: until } = promotion;
  const { epoch } = deps;
  // The cell's targets hold the fence of the rollout before: whoever starts again at 1 is refused by all of them.
  const after = (gathered.rows.get(streams.cell(cell))?.state as CellRecord | undefined)?.assigned ?? 0;
  const opened = {
    type: 'rollout.opened',
    data: {
      ...{ id, promotion: promotion.id, cell, environment, plan, epoch, after },
      ...(closesOperations && { closesOperations }),
      until,
    },
  } as const;
  return {
    stream: streams.rollout(id),
    expected: 0,
    entries: [opened],
    state: evolveRollout(undefined, opened),
    dueAt: 0,
    exclusive: streams.cell(cell),
    parent: streams.promotion(promotion.id),
  };
}

function rolloutsSeen({ facts, rows }: GatheredPromotion): readonly Read[] {
  return [...facts.rollouts.values()].map(({ id }) => {
    const stream = streams.rollout(id);
    return { stream, version: rows.get(stream)?.version ?? 0 };
  });
}

/** A promotion that ended well is watched by hypercare. */
async function nextHypercare(deps: Deps, state: Promotion, gathered: GatheredPromotion): Promise<readonly Write[]> {
  const { now } = gathered.facts;
  const stream = streams.hypercare(state.environment);
  const before = gathered.rows.get(stream) as Row<Hypercare> | undefined;
  const { id, environment, cells } = state;
  const stages = await stagesOf(deps, gathered, state);
  const watch = { id, promotion: id, environment, release: state.release.digest, cells, stages };
  const entries = succeedHypercare(before?.state, watch, now);
  let next = before?.state;
  for (const event of entries) next = evolveHypercare(next, event);
  if (next === undefined || entries.length === 0) return [];
  return [{ stream, expected: before?.version ?? 0, entries, state: next, dueAt: dueOfHypercare(next) }];
}

async function stagesOf(deps: Deps, gathered: GatheredPromotion, state: Promotion): Promise<readonly HypercareStage[]> {
  const environment = gathered.rows.get(streams.document('Environment', state.environment)) as
    | Row<DocumentRecord<{ policy: string }>>
    | undefined;
  if (environment === undefined) return [];
  const stream = streams.document('Policy', environment.state.spec.policy);
  const policy = (await deps.store.load([stream])).get(stream) as Row<DocumentRecord<PolicySpec>> | undefined;
  return policy?.state.spec.hypercare ?? [];
}

export class PromotionController implements Controller {
  readonly kind = 'promotion';
  readonly #deps: Deps;
  readonly #plans: Plans;
  readonly #gates: GateFactsGatherer;

  constructor(deps: Deps, plans: Plans, gates: GateFactsGatherer) {
    this.#deps = deps;
    this.#plans = plans;
    this.#gates = gates;
  }

  async tick(row: Row, now: Instant): Promise<Committed> {
    const promotion = row as Row<Promotion>;
    const gathered = await gatherPromotion(this.#deps, this.#plans, this.#gates, promotion, now);
    const decision = nextOfPromotion(promotion.state, gathered.facts);
    if (decision.events.length === 0) {
      await this.#deps.store.postpone(row.stream, row.version, decision.lookAt, row.dueAt);
      return { ok: true };
    }
    return commitPromotion(this.#deps, promotion, gathered, decision.events, 'sys');
  }
}
