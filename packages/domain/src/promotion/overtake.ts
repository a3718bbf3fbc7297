/**
 * A hotfix overtakes an open promotion at a hold point. Cells that are wholly on the overtaken release keep it, those that
 * are half way go back to where they were, the others were never touched; the overtaken promotion ends as superseded, and
 * the hotfix is planned for what then stands. So it never waits for a promotion of weeks, and never builds on a guess:
 * while anything is in somebody's hands, or nobody knows what became of a step, it is refused.
 */
import type { CellState } from '../model/cell.ts';
import type { Instant, PrincipalId } from '../model/identity.ts';
import { accepted, type Decided, refused } from '../model/refusal.ts';
import { isActivation } from '../plan/activation.ts';
import { type CellPlan, changesSomething, type Plan } from '../plan/plan.ts';
import { named } from '../plan/render-words.ts';
import { type Scope, undoSteps } from '../plan/undo.ts';
import { cellAfter } from '../rollout/cell-after.ts';
import { begunAtMost, heldFor } from '../rollout/decide.ts';
import type { Rollout } from '../rollout/state.ts';
import { UNDO_MS } from './endings.ts';
import type { PromotionEvent } from './events.ts';
import type { Promotion } from './state.ts';

export interface OvertakeFacts {
  readonly plan: Plan;
  /** By cell. */
  readonly rollouts: ReadonlyMap<string, Rollout>;
  readonly now: Instant;
  /** The control plane's epoch now; absent where nothing was ever restored. */
  readonly epoch?: number;
  /** Cells that were not read back since a restore: what became of them is not known. */
  readonly unread?: readonly string[];
}

/** Whether a promotion rests where a hotfix may overtake it; by its phase alone. Accepted with a stand-in for the event. */
export function decideAtHold(state: Promotion): Decided<'at-hold'> {
  const no = (code: string, why: string, unblock: string) =>
    refused(code, `overtake promotion ${state.id}`, `promotion/${state.id}`, why, unblock);
  if (state.phase === 'ended') return no('wrong-phase', `it ended: ${state.result}`, 'promote without overtaking');
  if (state.phase === 'held' && state.undo !== null)
    return no(
      'wrong-phase',
      'it went back in part, and asks',
      `\`headgate keep ${state.id}\` or \`headgate rollback ${state.id} --reason "…"\`, and promote then`,
    );
  if (state.undo !== null) return no('wrong-phase', 'it goes back already', 'wait for its end, and promote then');
  if (state.phase === 'advancing')
    return no(
      'not-at-hold',
      `it carries out wave ${state.wave}`,
      `\`headgate pause ${state.id} --reason "…"\`, or wait for the end of the wave`,
    );
  if (state.wave === 0)
    return no('wrong-phase', 'it has not begun', 'promote without overtaking: its plan expires when yours has begun');
  return accepted('at-hold');
}

/** Overtakes a promotion, or says what it is in the middle of, and what would unblock. `by` asked for the hotfix `id`. */
export function decideOvertake(
  state: Promotion,
  { plan, rollouts, now, epoch, unread = [] }: OvertakeFacts,
  by: PrincipalId,
  id: string,
  because: string,
): Decided<PromotionEvent> {
  const rests = decideAtHold(state);
  if (!rests.ok) return rests;
  const no = (code: string, why: string, unblock: string) =>
    refused(code, `overtake promotion ${state.id}`, `promotion/${state.id}`, why, unblock);
  if (unread.length > 0)
    return no('unread', `cell ${unread[0]} is not read back since the restore`, '`headgate recovery` says for whom');
  for (const cell of plan.cells) {
    const rollout = rollouts.get(cell.cell);
    if (rollout === undefined || rollout.phase === 'settled') continue;
    const middle = inTheMiddle({ ...rollout, begun: begunAtMost(rollout, cell, state.wave, epoch) }, cell);
    if (middle !== undefined) return no('not-at-hold', ...middle);
  }
  const scope: Scope = { kind: 'cell', wave: state.wave, cells: halfWay(plan, rollouts) };
  for (const cell of plan.cells) {
    const begun = rollouts.get(cell.cell)?.begun ?? 0;
    const activated = scope.cells?.includes(cell.cell) ? cell.steps.slice(0, begun).find(isActivation) : undefined;
    if (activated !== undefined)
      return no(
        'past-no-return',
        `cell ${cell.cell} is half way and past its point of no return: ${named(activated.action.operations)} ${activated.action.operations.length === 1 ? 'is' : 'are'} activated there (${activated.id}), and what customers did by it stays done`,
        'let it finish there, or roll it back, which a person decides knowing that',
      );
    const undo = undoSteps(cell, scope, begun);
    const lossy = undo.find((step) => step.approver !== undefined);
    if (lossy !== undefined)
      return no(
        'past-no-return',
        `cell ${cell.cell} is half way and past where it goes back without losing anything: ${lossy.id} loses what was written since`,
        'let it finish there, or roll it back, to which its approver agrees',
      );
  }
  const words = `overtaken by ${id}: ${because}`.slice(0, 1000).toWellFormed();
  return accepted({
    type: 'promotion.overtaken',
    data: { scope, because: words, by, hotfix: id, at: now, until: now + UNDO_MS },
  });
}

const SOON = 'ask again in a moment; paused, nothing new begins';
const GO_ON = 'resume it until that is done, or roll it back';

/** What a rollout is in the middle of, and what would unblock; undefined: it rests. */
function inTheMiddle(rollout: Rollout, cell: CellPlan): [why: string, unblock: string] | undefined {
  const { phase, cursor, begun, undo } = rollout;
  if (undo !== null) return [`cell ${cell.cell} went back by itself`, 'wait until the promotion has taken it up'];
  const at = `step ${cell.steps[cursor]?.id ?? ''} of cell ${cell.cell}`;
  if (phase === 'asking') return [`it asks about ${at}`, 'answer it (`headgate status`)'];
  if (phase !== 'waiting' && phase !== 'offered' && !soaks(rollout, cell))
    return [`it is in the middle of ${at} (${phase})`, SOON];
  if (cell.steps.slice(cursor, begun).some(({ action }) => changesSomething(action)))
    return [`nobody knows what became of ${at}`, GO_ON];
  const held = heldFor(rollout, cell);
  return held === undefined ? undefined : [`${held[0]} is held in cell ${cell.cell}`, GO_ON];
}

/**
 * Whether all that is at work is a soak. It lasts for hours and changes nothing, so it is a hold point too: the cell counts
 * as half way, and its undo takes the lease from whoever watches, as a rollback does.
 */
function soaks({ phase, cursor }: Rollout, cell: CellPlan): boolean {
  return phase === 'leased' && cell.steps[cursor]?.action.kind === 'soak';
}

function halfWay(plan: Plan, rollouts: ReadonlyMap<string, Rollout>): readonly string[] {
  return plan.cells.flatMap((cell) => {
    const rollout = rollouts.get(cell.cell);
    return rollout !== undefined && rollout.begun > 0 && rollout.cursor < cell.steps.length ? [cell.cell] : [];
  });
}

/** The overtaken promotion's cells as they will stand once it has ended, in the scope that was decided. */
export function cellsOvertaken(plan: Plan, rollouts: ReadonlyMap<string, Rollout>, scope: Scope): readonly CellState[] {
  return plan.cells.map((cell) => {
    const rollout = rollouts.get(cell.cell);
    if (rollout === undefined) return cell.base;
    const cursor = undoSteps(cell, scope, rollout.begun).length;
    return cellAfter(plan, cell, { ...rollout, undo: { scope, because: '', cursor, agreed: false } }).state;
  });
}
