import type { Instant } from '../model/identity.ts';
import type { CellPlan } from '../plan/plan.ts';
import { undoSteps } from '../plan/undo.ts';
import type { Rollout } from '../rollout/state.ts';
import type { RolloutEntry } from './transactions.ts';

/**
 * Since when each tenant of a cell is where it is: when the last step ended that moved, held or opened them. Tenants whose
 * step isn't among the entries have none, and nobody makes one up.
 */
export function movedAt(
  cell: CellPlan,
  rollout: Rollout,
  entries: readonly RolloutEntry[],
): ReadonlyMap<string, Instant> {
  const scope = rollout.undo?.scope;
  const back = scope === undefined ? [] : undoSteps(cell, scope, rollout.begun);
  const steps = new Map([...cell.steps, ...back].map((step) => [step.id, step.action] as const));
  const at = new Map<string, Instant>();
  for (const { event, at: when } of entries) {
    if (event.type !== 'rollout.step-done') continue;
    const action = steps.get(event.data.step);
    if (action?.kind !== 'route' && action?.kind !== 'hold' && action?.kind !== 'open') continue;
    for (const tenant of action.tenants) at.set(tenant, Math.max(when, at.get(tenant) ?? 0));
  }
  return at;
}
