import {
  type CellPlan,
  cellAfter,
  courseOf,
  dueOfRollout,
  evolveRollout,
  type Instant,
  isDeclined,
  nextOfRollout,
  type Plan,
  type Promotion,
  REST_WAITS,
  type Rollout,
  type RolloutEvent,
  type RolloutFacts,
  TELL_MS,
  unreadCell,
  waitsForGo,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { drilledStores } from '../drilled-stores.ts';
import type { GateFactsGatherer, Plans } from '../facts.ts';
import type { Committed, ControlStore, Read, Row, Write } from '../ports/store.ts';
import { type CellRecord, type RecoveryRecord, shapeInEntry, streams } from '../records.ts';
import type { Controller } from './tick.ts';

/** How long an agent holds an assignment without renewing it. Milliseconds. */
export const LEASE_MS = 3_000;

/** Everything a rollout's decider needs, and the versions to check when its decision is committed. */
export interface GatheredRollout {
  readonly facts: RolloutFacts;
  readonly reads: readonly Read[];
  readonly cellRow: Row<CellRecord> | undefined;
  readonly promotion: Promotion;
}

export async function gatherRollout(
  plans: Plans,
  gates: GateFactsGatherer,
  row: Row<Rollout>,
  now: Instant,
  epoch: number,
): Promise<GatheredRollout> {
  const { state } = row;
  const promotionStream = streams.promotion(state.promotion);
  const cellStream = streams.cell(state.cell);
  const plan = await plans.get(state.planDigest);
  // The plan says what the promotion is about, so one query brings everything.
  const subject = { application: plan.application, environment: state.environment, release: plan.release };
  // Before the first restore there is nothing to read back.
  const restored = epoch > 1 ? [streams.recovery(epoch)] : [];
  const drills = drilledStores(plan, state.cell);
  const extra = [promotionStream, cellStream, ...restored, ...drills.streams];
  const { rows, reads, gatesOf } = await gates.load(subject, now, extra);
  const promotionRow = rows.get(promotionStream) as Row<Promotion> | undefined;
  if (promotionRow === undefined) throw new Error(`${promotionStream} is missing, which ${row.stream} belongs to`);
  const promotion = promotionRow.state;
  const cell = cellOf(plan, state.cell);
  const cellRow = rows.get(cellStream) as Row<CellRecord> | undefined;
  const recovery = rows.get(streams.recovery(epoch))?.state as RecoveryRecord | undefined;
  const asked = cellRow?.state.asked?.epoch === epoch ? cellRow.state.asked : undefined;
  const unread =
    (cellRow?.state.epoch ?? 1) >= epoch ? undefined : unreadCell(asked, recovery ?? { epoch, until: now + TELL_MS });
  return {
    facts: {
      ...{
        now,
        dueAt: row.dueAt,
        plan,
        cell,
        course: courseOf(promotion),
        gates: await gates.withLooks(drills.into(gatesOf(promotion, plan), rows), plan, state.cell),
        epoch,
        unread,
      },
      assigned: cellRow?.state.assigned ?? 0,
    },
    reads: [{ stream: promotionStream, version: promotionRow.version }, ...reads],
    cellRow,
    promotion,
  };
}

function cellOf(plan: Plan, name: string): CellPlan {
  const cell = plan.cells.find((c) => c.cell === name);
  if (cell === undefined) throw new Error(`the plan has no cell ${name}`);
  return cell;
}

/** Commits a rollout's events: its own row, the cell's when it settles, `more` that goes with it, and who must look next. */
export async function commitRollout(
  store: ControlStore,
  row: Row<Rollout>,
  gathered: GatheredRollout,
  events: readonly RolloutEvent[],
  by: string,
  more: readonly Write[] = [],
): Promise<Committed> {
  const { facts } = gathered;
  let state: Rollout = row.state;
  for (const event of events) state = evolveRollout(state, event);
  const settled = state.phase === 'settled';
  const writes: Write[] = [
    {
      stream: row.stream,
      expected: row.version,
      entries: events,
      state,
      dueAt: dueOfRollout(state, facts.now),
      exclusive: settled ? null : streams.cell(state.cell),
      audience: state.phase === 'offered' ? audienceOf(state.environment) : null,
    },
  ];
  if (settled && state.begun > 0) {
    const record = gathered.cellRow?.state;
    const after = cellAfter(facts.plan, facts.cell, state);
    const { state: desired } = after;
    // What was declined may have been tried before: only an observation says what the store came to.
    const stands = isDeclined(state, facts.cell);
    // No rollout opens in an uncertain cell: this one is because of what an agent told since.
    const uncertain = after.uncertain || stands || record?.uncertain === true;
    const assigned = Math.max(record?.assigned ?? 0, state.n);
    const left: CellRecord = { ...record, desired, uncertain, assigned };
    // Whoever lost a lease to the undo may act until the lease would have run out.
    const next = after.uncertain || stands ? { ...left, restlessUntil: facts.now + LEASE_MS } : left;
    const data = {
      rollout: state.id,
      promotion: state.promotion,
      ...shapeInEntry(desired),
      uncertain,
      assigned,
    };
    writes.push({
      stream: streams.cell(state.cell),
      expected: gathered.cellRow?.version ?? 0,
      entries: [{ type: 'cell.changed', data }],
      state: next,
      dueAt: null,
    });
  }
  writes.push(...more);
  return store.commit({
    by,
    writes,
    reads: gathered.reads,
    wake: wakesPromotion(state, row.state, gathered) ? [streams.promotion(state.promotion)] : [],
  });
}

/** The queue in which an environment's agents look for work. */
export function audienceOf(environment: string): string {
  return `agent/${environment}`;
}

/** The promotion has something to decide: a failure, the end of a wave, the end of an undo, or an undo that it hasn't decided. */
function wakesPromotion(after: Rollout, before: Rollout, { facts: { cell }, promotion }: GatheredRollout): boolean {
  if (after.phase === 'failed' || after.phase === 'settled') return true;
  if (after.phase === 'waiting' && after.reason === REST_WAITS) return true;
  if (after.undo !== null && promotion.undo === null) return true;
  if (after.phase === 'waiting' && waitsForGo(after.reason)) return promotion.goAsked === undefined;
  return (
    after.undo === null &&
    after.cursor !== before.cursor &&
    cell.steps[after.cursor]?.wave !== cell.steps[before.cursor]?.wave
  );
}

export class RolloutController implements Controller {
  readonly kind = 'rollout';
  readonly #deps: Pick<Deps, 'store' | 'epoch'>;
  readonly #plans: Plans;
  readonly #gates: GateFactsGatherer;

  constructor(deps: Pick<Deps, 'store' | 'epoch'>, plans: Plans, gates: GateFactsGatherer) {
    this.#deps = deps;
    this.#plans = plans;
    this.#gates = gates;
  }

  async tick(row: Row, now: Instant): Promise<Committed> {
    const rollout = row as Row<Rollout>;
    const { store, epoch } = this.#deps;
    const gathered = await gatherRollout(this.#plans, this.#gates, rollout, now, epoch);
    const decision = nextOfRollout(rollout.state, gathered.facts);
    if (decision.events.length === 0) {
      await store.postpone(row.stream, row.version, decision.lookAt, row.dueAt);
      return { ok: true };
    }
    return commitRollout(store, rollout, gathered, decision.events, 'sys');
  }
}
