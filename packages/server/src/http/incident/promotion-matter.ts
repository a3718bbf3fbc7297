/** One promotion as the incident's screen tells it: steps at hand, transactions, what can be done, the entries before. */
import { type ReleaseRecord, type Row, type StreamEntry, streams } from '@headgate/control';
import { decodeEntry, type LogEntry } from '@headgate/documents/log/entry';
import {
  ACCESS,
  actionsOf,
  actionText,
  answersOf,
  approverAsked,
  type Freeze,
  type Instant,
  type InvolvedPromotion,
  movedAt,
  type Principal,
  type PromotionAction,
  type Rollout,
  type RolloutAction,
  type RolloutEntry,
  type RolloutEvent,
  stepAtHand,
  type TakenBackCell,
  transactionsOf,
  wayBack,
} from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Shown } from '../handler.ts';
import { showPromotion } from '../views.ts';
import { type Told, toldOf } from './entries.ts';

/** Of each promotion: cells whose entries are read, and so many of them; what is told of them. */
const MOST = { cells: 20, entries: 200, own: 10, steps: 20, lines: 20, runbooks: 20, questions: 5 };

/** What a rollout in trouble has to tell comes before what one that is done has. */
const LOUD: readonly Rollout['phase'][] = ['failed', 'asking', 'leased', 'offered', 'waiting', 'settled'];

/** Commands that take a person's words. */
const REASONED: ReadonlySet<string> = new Set(['reject', 'pause', 'rollback']);

export interface ToldPromotionMatter {
  readonly shown: Shown<never>;
  readonly entries: readonly Told[];
  /** By `cell/tenant`. */
  readonly since: ReadonlyMap<string, Since>;
  /** A step asks for somebody who agrees to losing data. */
  readonly asksDataLoss: boolean;
}

/** When a tenant was last moved, held or opened, and what served it from then on, where that is known. */
export interface Since {
  readonly at: Instant;
  readonly release: string | undefined;
  /** Its agent moved it by itself, some time before that. */
  readonly alone: boolean;
}

export async function tellPromotion(
  { deps, log }: Context,
  principal: Principal,
  involved: InvolvedPromotion,
  now: Instant,
  freeze: Freeze | undefined,
): Promise<ToldPromotionMatter> {
  const { promotion, plan, rollouts, takenBack } = involved;
  const own = streams.promotion(promotion.id);
  const ordered = [...rollouts.values()].sort((a, b) => LOUD.indexOf(a.phase) - LOUD.indexOf(b.phase));
  const told = ordered.slice(0, MOST.cells);
  const undone = streams.undone(promotion.id);
  const rows = await deps.store.load([
    own,
    ...(takenBack === undefined ? [] : [undone]),
    streams.release(promotion.release.digest),
    ...told.map(({ id }) => streams.rollout(id)),
  ]);
  const last = async (stream: string, most: number): Promise<readonly LogEntry[]> => {
    const version = rows.get(stream)?.version ?? 0;
    return (await log.history(stream, Math.max(0, version - most), most)).map(decoded);
  };
  const ofCells: { readonly rollout: Rollout; readonly entries: readonly LogEntry[] }[] = [];
  for (const rollout of told) ofCells.push({ rollout, entries: await last(streams.rollout(rollout.id), MOST.entries) });
  // What an agent told late stands on a stream of its own, in the words of an undo that was told in time.
  const toldLate = takenBack === undefined ? [] : await last(undone, MOST.entries);
  const late = toldLate.map(({ at, data }) => {
    const event = { type: 'rollout.undone-away', data } as unknown as RolloutEvent;
    return { cell: (data as unknown as TakenBackCell).cell, at, event };
  });
  const since = new Map<string, Since>();
  const all: RolloutEntry[] = [];
  for (const { rollout, entries } of ofCells) {
    const { cell } = rollout;
    const logged = entries.map(({ at, type, data }) => ({
      cell,
      at,
      event: { type, data } as unknown as RolloutEvent,
    }));
    all.push(...logged);
    const cellPlan = plan.cells.find((each) => each.cell === cell);
    if (cellPlan === undefined) continue;
    for (const [tenant, { at, slot, alone = false }] of movedAt(cellPlan, rollout, logged)) {
      const of = slot === cellPlan.slot.to ? plan.release : slot && cellPlan.base.slots[slot]?.release;
      since.set(`${cell}/${tenant}`, { at, release: of ? of.version : undefined, alone });
    }
    // Whom it brought back of all that the plan moves it doesn't say: of each of them nobody knows since when.
    const lately = late.findLast((each) => each.cell === cell);
    if (lately === undefined) continue;
    for (const { action } of cellPlan.steps)
      if (action.kind === 'route')
        for (const tenant of action.tenants)
          since.set(`${cell}/${tenant}`, { at: lately.at, release: undefined, alone: true });
  }
  all.push(...late);
  const transactions = transactionsOf({
    entries: all,
    reconciles: plan.cells.some(({ recovery }) => recovery.some(({ action }) => action.kind === 'reconcile')),
    goesBack: promotion.undo !== null || late.length > 0,
    unread: ordered.length - told.length,
    cut: told.filter(({ id }) => (rows.get(streams.rollout(id))?.version ?? 0) > MOST.entries).length,
  });
  const manifest = (rows.get(streams.release(promotion.release.digest)) as Row<ReleaseRecord> | undefined)?.state
    .manifest;
  // That a step was on offer says no more than that somebody took it, which is an entry, too.
  const entries = [...(await last(own, MOST.own)), ...toldLate, ...ofCells.flatMap((each) => each.entries)]
    .filter(({ type }) => type !== 'rollout.offered')
    .sort((a, b) => b.at - a.at)
    .slice(0, MOST.own)
    .map(toldOf);
  const shown = {
    promotion: showPromotion(promotion, principal, now, freeze, takenBack),
    notes: (manifest?.notes ?? '').slice(0, 2_000),
    steps: stepsAtHand(involved),
    transactions: {
      ...transactions,
      lines: transactions.lines.slice(0, MOST.lines),
      unknown: [...transactions.unknown, ...moreOf('report', transactions.lines.length, MOST.lines)],
    },
    can: [...answers(involved, principal, now), ...can(involved, principal, now, freeze)],
    runbooks: (manifest?.runbooks ?? []).slice(0, MOST.runbooks),
  } as unknown as Shown<never>;
  const asksDataLoss = [...rollouts.values()].some((r) => {
    const cell = plan.cells.find((each) => each.cell === r.cell);
    const step = cell === undefined || r.phase !== 'asking' ? undefined : stepAtHand(r, cell);
    return step !== undefined && 'approver' in step && step.approver !== undefined;
  });
  return { shown, entries, since, asksDataLoss };
}

/** What met a bound is said. */
function moreOf(what: string, count: number, most: number): readonly string[] {
  return count > most ? [`Of ${count} ${what}s the first ${most} are shown.`] : [];
}

function decoded({ bytes }: StreamEntry): LogEntry {
  const read = decodeEntry(bytes);
  if (!read.ok) throw new Error(`an entry of the log can't be read: ${read.why}`);
  return read.entry;
}

function stepsAtHand({ plan, rollouts }: InvolvedPromotion) {
  return plan.cells
    .flatMap((cell) => {
      const rollout = rollouts.get(cell.cell);
      const step = rollout === undefined || rollout.phase === 'settled' ? undefined : stepAtHand(rollout, cell);
      if (rollout === undefined || step === undefined) return [];
      const { phase } = rollout;
      const asks = phase === 'asking' ? `asks: ${rollout.question}` : phase;
      const stands = phase === 'leased' ? `at work by ${rollout.agent}` : asks;
      return [{ cell: cell.cell, step: step.id, text: actionText(step.action), stands }];
    })
    .slice(0, MOST.steps);
}

/** What its cells ask, with each answer and what that loses: what waits for a person comes before what they may do besides. */
function answers({ plan, rollouts }: InvolvedPromotion, principal: Principal, now: Instant) {
  const asking = plan.cells.flatMap((cell) => {
    const rollout = rollouts.get(cell.cell);
    return rollout?.phase === 'asking' ? [{ cell, rollout }] : [];
  });
  return asking.slice(0, MOST.questions).flatMap(({ cell, rollout }) => {
    const step = stepAtHand(rollout, cell);
    const approver = approverAsked(rollout, cell);
    const may = answersOf(rollout, cell, principal, now);
    const answer = (action: RolloutAction, who: readonly string[], consequence: string, words = '') => ({
      ...{ action, who, consequence, ...may[action] },
      // By its step and its question: what is asked meanwhile is answered by nobody who hasn't seen it.
      command: `headgate answer ${rollout.id} ${action}${words} --step ${rollout.step}`,
    });
    if (approver === undefined) return [answer('retry', ACCESS.answer, '')];
    const loses = step === undefined ? '' : `LOSES: ${actionText(step.action)}, in cell ${cell.cell}`;
    return [
      answer('agree', [approver], loses, ` --asked ${rollout.n}`),
      answer('decline', ACCESS.answer, `cell ${cell.cell} waits for a release that goes forward`, ' --reason "…"'),
    ];
  });
}

/** What can be done, what it comes to, and who must agree. */
function can(
  { promotion, plan, rollouts }: InvolvedPromotion,
  principal: Principal,
  now: Instant,
  freeze: Freeze | undefined,
) {
  if (promotion.phase === 'ended') return [];
  const back = wayBack(plan, rollouts, promotion.wave, now);
  const loses = back.flatMap((cell) => cell.loses);
  const tenants = back.reduce((sum, cell) => sum + cell.tenants, 0);
  const approvers = [...new Set(back.flatMap(({ steps }) => steps.flatMap(({ approver }) => approver ?? [])))];
  const consequences: Partial<Record<PromotionAction, string>> = {
    rollback:
      tenants === 0
        ? 'nobody was moved'
        : `${tenants} tenant${tenants === 1 ? '' : 's'} back; ${loses.length === 0 ? 'nothing that was written is lost' : `LOSES: ${loses.slice(0, 5).join('; ')}`}`,
    pause: 'whoever is held stays held until somebody goes on or goes back',
    keep: 'tenants that are on the release stay on it',
    overtake: 'cells that are half way go back, cells that are done stay, and the hotfix asks for one approval more',
  };
  return Object.entries(actionsOf(promotion, principal, now, freeze)).map(([name, { allowed, because }]) => {
    const action = name as PromotionAction;
    const who: readonly string[] = ACCESS[action];
    const agree = action === 'rollback' ? approvers.map((role) => `${role} (before data is lost)`) : [];
    const words = REASONED.has(action) ? ' --reason "…"' : '';
    return {
      action,
      allowed,
      because,
      who: [...who, ...agree],
      consequence: consequences[action] ?? '',
      command:
        action === 'overtake'
          ? `headgate promote HOTFIX --to ${promotion.environment} --overtake ${promotion.id} --because "…"`
          : `headgate ${action} ${promotion.id}${words}`,
    };
  });
}
