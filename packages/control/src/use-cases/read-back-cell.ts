import {
  type CellAccount,
  type CellPlan,
  dueOfPromotion,
  dueOfRollout,
  evolvePromotion,
  evolveRollout,
  type Finding,
  type Instant,
  judgeCell,
  MOST_EPOCHS_ABOVE,
  type Plan,
  type Principal,
  type Promotion,
  type Question,
  type Rollout,
  rollBackAll,
  takeUp,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import type { Row, Write } from '../ports/store.ts';
import { type CellRecord, type DocumentRecord, environmentOf, streams } from '../records.ts';
import type { Gatherers } from './command-promotion.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

const WHAT = 'read a cell back';

/** A rollout that holds a cell, with what it needs to be decided on. */
export interface HeldBy {
  readonly row: Row<Rollout>;
  readonly plan: Plan;
  readonly cell: CellPlan;
  readonly promotion: Row<Promotion>;
}

/**
 * An agent tells what it did in a cell and what it sees there, after a restore. What explains itself is taken up; for the
 * rest a person is asked. Until then no step is handed out there. Telling twice is harmless.
 */
export async function readBackCell(
  deps: Deps,
  with_: Pick<Gatherers, 'plans'>,
  agent: Principal,
  told: CellAccount,
): Promise<Result<CellRecord>> {
  const { cell, environment } = told.state;
  const stream = streams.cell(cell);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return no(denied);
  const declaration = streams.document('Cell', cell);
  return untilFresh(WHAT, stream, async () => {
    const rows = await deps.store.load([stream, declaration]);
    const row = rows.get(stream) as Row<CellRecord> | undefined;
    const own = environmentOf(row?.state, rows.get(declaration)?.state as DocumentRecord | undefined);
    if ((own !== undefined && own !== environment) || !(agent.environments ?? []).includes(environment))
      return refuse('not-yours', WHAT, stream, `${agent.id} isn't enrolled for it`, 'enrol it for its environment');
    if (row === undefined)
      return refuse('no-observation', WHAT, stream, 'nobody has observed it', 'observe it before telling of it');
    if (isReadBack(deps, row.state)) return ok(row.state);
    // Else the advice below would drive the epoch to the end of its numbers.
    if (told.fence !== null && told.fence.epoch > deps.epoch + MOST_EPOCHS_ABOVE)
      return refuse(
        'absurd-token',
        WHAT,
        stream,
        `the agent says that it has acted under epoch ${told.fence.epoch}, this is ${deps.epoch}, and no restore raises it by more than ${MOST_EPOCHS_ABOVE}`,
        'find out what wrote that at the agent; until then a person answers for the cell (headgate recovery says how)',
      );
    if (told.fence !== null && told.fence.epoch >= deps.epoch)
      return refuse(
        'epoch-too-low',
        WHAT,
        stream,
        `the agent has acted under epoch ${told.fence.epoch}, and this is ${deps.epoch}`,
        `headgate-server recover --by NAME --because "…" --epoch-above ${told.fence.epoch}`,
      );
    const held = await holderOf(deps, with_, cell);
    const { desired, uncertain, assigned = 0, epoch = 1 } = row.state;
    const remembered = {
      fence: { epoch, n: Math.max(assigned, held?.row.state.n ?? 0) },
      desired: uncertain ? undefined : desired,
      held: held && { rollout: held.row.state, cell: held.cell },
    };
    const now = await deps.store.now();
    const finding = judgeCell(remembered, told);
    const asks = 'why' in finding;
    const writes = asks ? ask(deps, row, finding, now) : confirm(deps, row, held, finding, agent.id, now);
    if (writes.length === 0) return ok(row.state);
    // That a promotion goes back is nothing that an agent decides.
    const by = finding.kind === 'undone' ? 'sys' : agent.id;
    const committed = await deps.store.commit({ by, writes, wake: wakes(held) });
    return committed.ok ? ok(writes[0]?.state as CellRecord) : undefined;
  });
}

/** Whether a cell was read back, or answered for, since the last restore. */
export function isReadBack({ epoch }: Pick<Deps, 'epoch'>, record: CellRecord | undefined): boolean {
  return (record?.epoch ?? 1) >= epoch;
}

/** The rollout that holds a cell; undefined: none does. */
export async function holderOf(
  { store }: Pick<Deps, 'store'>,
  { plans }: Pick<Gatherers, 'plans'>,
  name: string,
): Promise<HeldBy | undefined> {
  const row = (await store.holder(streams.cell(name))) as Row<Rollout> | undefined;
  if (row === undefined) return undefined;
  const stream = streams.promotion(row.state.promotion);
  const [plan, rows] = await Promise.all([plans.get(row.state.planDigest), store.load([stream])]);
  const cell = plan.cells.find((each) => each.cell === name);
  const promotion = rows.get(stream) as Row<Promotion> | undefined;
  if (cell === undefined || promotion === undefined) throw new Error(`${row.stream} has no plan, or no promotion`);
  return { row, plan, cell, promotion };
}

export function wakes(held: HeldBy | undefined): readonly string[] {
  return held === undefined ? [] : [held.promotion.stream, held.row.stream];
}

function ask(deps: Deps, row: Row<CellRecord>, { kind, why }: Question, now: Instant): readonly Write[] {
  const { epoch } = deps;
  const { asked } = row.state;
  if (asked?.epoch === epoch && asked.finding === kind && asked.why === why) return [];
  const data = { epoch, finding: kind, why: why.slice(0, 1_000).toWellFormed() };
  return [cellWrite(row, { ...row.state, asked: { ...data, at: now } }, { type: 'cell.asked', data })];
}

function confirm(
  { epoch }: Deps,
  row: Row<CellRecord>,
  held: HeldBy | undefined,
  finding: Exclude<Finding, Question>,
  agent: string,
  now: Instant,
): readonly Write[] {
  const { asked: _, ...record } = row.state;
  const { rollout: far } = finding;
  const reached = far && { rollout: held?.row.state.id, cursor: far.cursor, begun: far.begun };
  const data = { epoch, finding: finding.kind, agent, ...reached };
  const writes = [cellWrite(row, { ...record, epoch }, { type: 'cell.read-back', data })];
  if (held === undefined || far === undefined) return writes;
  const taken = takeUp(held.row.state, far, { epoch, now, until: held.promotion.state.latestFinish });
  writes.push(rolloutWrite(held, taken, now));
  if (finding.kind !== 'undone') return writes;
  return [
    ...writes,
    ...goBack(held, `the agent of cell ${held.cell.cell} was taking it back before the restore`, 'sys', now),
  ];
}

/** The decision to go back, of a promotion that has not decided so for this cell already. */
export function goBack(held: HeldBy, because: string, by: string, now: Instant): readonly Write[] {
  const { promotion, plan, cell } = held;
  const decided = rollBackAll(promotion.state, plan, cell.cell, because, by, now);
  if (decided === undefined) return [];
  const state = evolvePromotion(promotion.state, decided);
  const { stream, version } = promotion;
  return [{ stream, expected: version, entries: [decided], state, dueAt: dueOfPromotion(state, now) }];
}

export function rolloutWrite({ row }: HeldBy, event: Parameters<typeof evolveRollout>[1], now: Instant): Write {
  const state = evolveRollout(row.state, event);
  const settled = state.phase === 'settled';
  return {
    stream: row.stream,
    expected: row.version,
    entries: [event],
    state,
    dueAt: settled ? null : dueOfRollout(state, now),
    exclusive: settled ? null : streams.cell(state.cell),
    audience: null,
  };
}

export function cellWrite(row: Row<CellRecord>, state: CellRecord, entry: { type: string; data: unknown }): Write {
  return { stream: row.stream, expected: row.version, entries: [entry], state, dueAt: row.dueAt };
}
