/**
 * A hotfix overtakes an open promotion at a hold point. Cells that are wholly on the overtaken release keep it, those that
 * are half way go back to where they were, the others were never touched; the overtaken promotion ends as superseded, and
 * the hotfix is planned for what then stands.
 */
import type { CellState } from '../model/cell.ts';
import type { Instant, PrincipalId } from '../model/identity.ts';
import { accepted, type Decided, refused } from '../model/refusal.ts';
import { type CellPlan, changesSomething, type Plan } from '../plan/plan.ts';
import { heldTenants, type Scope, undoSteps } from '../plan/undo.ts';
import { cellAfter } from '../rollout/cell-after.ts';
import type { Rollout } from '../rollout/state.ts';
import { UNDO_MS } from './endings.ts';
import type { PromotionEvent } from './events.ts';
import type { Promotion } from './state.ts';

export interface OvertakeFacts {
  readonly plan: Plan;
  /** By cell. */
  readonly rollouts: ReadonlyMap<string, Rollout>;
  readonly now: Instant;
}

/** Overtakes a promotion, or says what it is in the middle of, and what would unblock. `by` asked for the hotfix `id`. */
export function decideOvertake(
  state: Promotion,
  { plan, rollouts, now }: OvertakeFacts,
  by: PrincipalId,
  id: string,
  because: string,
): Decided<PromotionEvent> {
  const what = `overtake promotion ${state.id}`;
  const where = `promotion/${state.id}`;
  const no = (code: string, why: string, unblock: string) => refused(code, what, where, why, unblock);
  if (state.phase === 'ended') return no('wrong-phase', `it ended: ${state.result}`, 'promote without overtaking');
  if (state.undo !== null) return no('wrong-phase', 'it goes back already', 'wait for its end, and promote then');
  if (state.wave === 0)
    return no('wrong-phase', 'it has not begun', 'promote without overtaking: its plan expires when yours has begun');
  if (state.phase === 'advancing')
    return no(
      'not-at-hold',
      `it carries out wave ${state.wave}`,
      `\`headgate pause ${state.id}\`, or wait for the end of the wave`,
    );
  for (const cell of plan.cells) {
    const rollout = rollouts.get(cell.cell);
    if (rollout === undefined || rollout.phase === 'settled') continue;
    const why = inTheMiddle(rollout, cell);
    if (why !== undefined) return no('not-at-hold', why, 'ask again in a moment; it is paused, and nothing new begins');
  }
  const scope: Scope = { kind: 'cell', wave: state.wave, cells: halfWay(plan, rollouts) };
  for (const cell of plan.cells) {
    const lossy = undoSteps(cell, scope, rollouts.get(cell.cell)?.begun ?? 0).find(
      (step) => step.approver !== undefined,
    );
    if (lossy !== undefined)
      return no(
        'past-no-return',
        `cell ${cell.cell} is half way and past its point of no return: ${lossy.id} loses what was written since`,
        'let it finish there, or roll it back, to which its approver agrees',
      );
  }
  const words = `overtaken by ${id}: ${because}`.slice(0, 1000).toWellFormed();
  return accepted({
    type: 'promotion.overtaken',
    data: { scope, because: words, by, hotfix: id, at: now, until: now + UNDO_MS },
  });
}

/** What a rollout is in the middle of; undefined: it rests. */
function inTheMiddle({ phase, cursor, begun }: Rollout, cell: CellPlan): string | undefined {
  const step = cell.steps[cursor];
  const at = `step ${step?.id ?? ''} of cell ${cell.cell}`;
  if (phase !== 'waiting' && phase !== 'offered') return `it is in the middle of ${at} (${phase})`;
  if (begun > cursor && step !== undefined && changesSomething(step.action)) return `nobody knows what became of ${at}`;
  const held = [...heldTenants(cell, begun)];
  return held.length === 0 ? undefined : `${held[0]} is held in cell ${cell.cell}`;
}

function halfWay(plan: Plan, rollouts: ReadonlyMap<string, Rollout>): readonly string[] {
  return plan.cells.flatMap((cell) => {
    const rollout = rollouts.get(cell.cell);
    return rollout !== undefined && rollout.begun > 0 && rollout.cursor < cell.steps.length ? [cell.cell] : [];
  });
}

/** The overtaken promotion's cells as they will stand once it has ended. */
export function cellsOvertaken(plan: Plan, rollouts: ReadonlyMap<string, Rollout>, scope: Scope): readonly CellState[] {
  return plan.cells.map((cell) => {
    const rollout = rollouts.get(cell.cell);
    if (rollout === undefined) return cell.base;
    const cursor = undoSteps(cell, scope, rollout.begun).length;
    return cellAfter(plan, cell, { ...rollout, undo: { scope, because: '', cursor, agreed: false } }).state;
  });
}
