/**
 * Steps of an undo that may have had an effect though the undo as it is now doesn't count them: handed out or done, and then
 * the agent went back by itself, the control plane was restored, or the undo began anew in a wider scope. Whoever declines
 * later hears of them.
 */
import type { CellPlan } from '../plan/plan.ts';
import { heldAfter, type UndoStep, undoSteps } from '../plan/undo.ts';
import type { Rollout, RolloutCore } from './state.ts';

/** Their ids, in the order in which they were handed out last; absent: there are none. */
export interface Tried {
  readonly tried?: readonly string[];
}

/** So many are kept, the last ones: what was held longest ago was opened long since, and an entry has room for these. */
const MOST = 60;

/** Whether it matters later that a step was handed out: an approver would be asked again, or somebody is held or opened. */
export function matters({ approver, action }: UndoStep): boolean {
  return approver !== undefined || action.kind === 'hold' || action.kind === 'open';
}

/** All of an undo that may have had an effect by now and that matters: what is known, what is done, and the step at hand. */
export function triedBy({ undo, begun, tried = [] }: Rollout, cell: CellPlan): readonly string[] {
  if (undo === null) return tried;
  const steps = undoSteps(cell, undo.scope, begun);
  const at = steps[undo.cursor];
  // That somebody was opened is believed once it is done; that they are held, from when it may be.
  const out = at !== undefined && (at.approver === undefined ? at.action.kind === 'hold' : undo.agreed);
  return latest(tried, steps.slice(0, undo.cursor + (out ? 1 : 0)));
}

/** Both, each id once, where it came last. */
export function latest(known: readonly string[], steps: readonly UndoStep[]): readonly string[] {
  const ids = steps.filter(matters).map(({ id }) => id);
  return [...known.filter((id) => !ids.includes(id)), ...ids].slice(-MOST);
}

/** Those that the undo as it is now hasn't come to. */
export function unconfirmed(
  { undo, begun, tried = [] }: Pick<RolloutCore, 'undo' | 'begun' | 'tried'>,
  cell: CellPlan,
): readonly string[] {
  if (tried.length === 0 || undo === null) return tried;
  const done = undoSteps(cell, undo.scope, begun).slice(0, undo.cursor);
  return tried.filter((id) => !done.some((step) => step.id === id));
}

/**
 * Whom forward steps and the undo may hold. What the undo did since and what was tried before came in an order that nobody
 * knows: an agent doesn't do again what it has done.
 */
export function mayBeHeld(forward: Parameters<typeof heldAfter>[0], state: Rollout, cell: CellPlan) {
  const { undo, begun } = state;
  if (undo === null) return heldAfter(forward);
  const steps = undoSteps(cell, undo.scope, begun).slice(0, undo.cursor + (undo.agreed ? 1 : 0));
  const all = new Map(widest(cell, begun).map((step) => [step.id, step]));
  const tried = unconfirmed(state, cell).flatMap((id) => all.get(id) ?? []);
  return new Set([...heldAfter([...forward, ...steps, ...tried]), ...heldAfter([...forward, ...tried, ...steps])]);
}

/** Every step that an undo of a cell may have, whatever its scope, but for those that name tenants. */
export function widest(cell: CellPlan, begun: number): readonly UndoStep[] {
  return undoSteps(cell, { kind: 'cell', wave: 0, cell: cell.cell }, begun);
}

/** For an entry. */
export function noted(tried: readonly string[]): Tried {
  return tried.length === 0 ? {} : { tried };
}
