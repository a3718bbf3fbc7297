import type { Instant } from '../model/identity.ts';
import type { CellPlan } from '../plan/plan.ts';
import { undoSteps } from '../plan/undo.ts';
import type { Rollout } from '../rollout/state.ts';
import type { RolloutEntry } from './transactions.ts';

/** When a tenant's last step ended, and in which slot it was put then; undefined: it was held or opened where it was. */
export interface Move {
  readonly at: Instant;
  readonly slot: string | undefined;
  /** Its agent moved it by itself, some time before that: when, it doesn't tell. */
  readonly alone?: true;
}

/**
 * Since when each tenant of a cell is where it is: when the last step ended that moved, held or opened them. Tenants whose
 * step isn't among the entries have none, and nobody makes one up.
 */
export function movedAt(cell: CellPlan, rollout: Rollout, entries: readonly RolloutEntry[]): ReadonlyMap<string, Move> {
  const scope = rollout.undo?.scope;
  const back = scope === undefined ? [] : undoSteps(cell, scope, rollout.begun);
  const steps = new Map([...cell.steps, ...back].map((step) => [step.id, step.action] as const));
  const moves = new Map<string, Move>();
  for (const { event, at } of entries) {
    if (event.type === 'rollout.undone-away') {
      const { scope: undone, begun, done } = event.data;
      for (const { action } of undoSteps(cell, undone, begun).slice(0, done))
        if (action.kind === 'route' || action.kind === 'hold' || action.kind === 'open')
          for (const tenant of action.tenants) moves.set(tenant, { at, slot: undefined, alone: true });
    }
    if (event.type !== 'rollout.step-done') continue;
    const action = steps.get(event.data.step);
    if (action?.kind !== 'route' && action?.kind !== 'hold' && action?.kind !== 'open') continue;
    for (const tenant of action.tenants) {
      const slot = action.kind === 'route' ? action.slot : moves.get(tenant)?.slot;
      moves.set(tenant, { at: Math.max(at, moves.get(tenant)?.at ?? 0), slot });
    }
  }
  return moves;
}
