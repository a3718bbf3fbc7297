/**
 * What a step of a way back loses, in words, as far as anybody knows: since when, and how many rows, where that is known. What
 * isn't known counts as lost, and is said.
 */
import { ageText } from '../model/duration.ts';
import type { Instant } from '../model/identity.ts';
import type { RestorePoint } from '../model/outcome.ts';
import type { Action, CellPlan } from './plan.ts';
import { named } from './render-words.ts';
import type { UndoStep } from './undo.ts';

/** What would be lost at `now` by a step that takes an approver's agreement; undefined: it takes none, and loses nothing. */
export function lossOf(
  { action, approver }: Pick<UndoStep, 'action' | 'approver'>,
  cell: Pick<CellPlan, 'steps'>,
  points: readonly RestorePoint[],
  now: Instant,
): string | undefined {
  return approver === undefined ? undefined : lostBy(action, cell, points, now);
}

function lostBy(action: Action, cell: Pick<CellPlan, 'steps'>, points: readonly RestorePoint[], now: Instant): string {
  switch (action.kind) {
    case 'restore':
      return `what was written in store ${action.store} ${since(action.store, points, now)}; how many rows that is isn’t known`;
    case 'unmigrate':
      return `what was written in store ${action.store} into what ${named(action.migrations.map(({ id }) => id))} made; how many rows that is isn’t known`;
    case 'hold': {
      // A tenant's own way back begins with holding them again: what loses something comes after it.
      const undo = cell.steps.find(
        ({ of, action: { kind } }) => kind === 'migrate' && of?.[0] === action.tenants[0],
      )?.undo;
      const who = `${named(action.tenants)} wrote since they were opened`;
      if (undo?.kind !== 'act' || !('store' in undo.action)) return `what ${who}`;
      return `of what ${who}: ${lostBy(undo.action, cell, points, now)}`;
    }
    default:
      return 'what nobody knows';
  }
}

/** Since the newest restore point that its rollout took: none is told of as not known. */
function since(store: string, points: readonly RestorePoint[], now: Instant): string {
  const taken = points.filter((each) => each.store === store).map(({ takenAt }) => takenAt);
  if (taken.length === 0) return 'since its restore point, of which nobody knows when it was taken';
  const at = Math.max(...taken);
  return `since its restore point of ${new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')} (${ageText(Math.max(0, now - at))} ago)`;
}
