import type { CellState, SlotState, StoreState, TenantState } from '../model/cell.ts';
import type { Action, CellPlan, Plan } from '../plan/plan.ts';
import { undoSteps } from '../plan/undo.ts';
import type { Rollout } from './state.ts';

/**
 * What a rollout made of its cell: the base with the done steps applied. `uncertain` says that a step was begun whose
 * effect nobody confirmed, so that only an observation tells; until then no plan may build on it.
 */
export function cellAfter(
  plan: Plan,
  cell: CellPlan,
  rollout: Rollout,
): { readonly state: CellState; readonly uncertain: boolean } {
  const slots: Record<string, SlotState> = { ...cell.base.slots };
  const stores: Record<string, StoreState> = { ...cell.base.stores };
  const tenants: Record<string, TenantState> = { ...cell.base.tenants };
  const apply = (action: Action): void => {
    switch (action.kind) {
      case 'migrate':
      case 'unmigrate':
      case 'restore':
        stores[action.store] = { schemaVersion: action.to };
        return;
      case 'deploy':
        slots[action.slot] = { release: action.release, schemaRange: plan.schemaRange };
        return;
      case 'retire':
        slots[action.slot] = {};
        return;
      case 'route':
        for (const name of action.tenants) {
          const tenant = tenants[name];
          if (tenant !== undefined) tenants[name] = { ...tenant, slot: action.slot };
        }
        return;
    }
  };
  for (const step of cell.steps.slice(0, rollout.cursor)) apply(step.action);
  // A begun step whose undo acts is settled by that undo; one whose undo keeps it is known only if it was done.
  const begun = cell.steps.slice(rollout.cursor, rollout.begun);
  const uncertain = begun.some(
    (step) => step.undo.kind === 'keep' && (step.action.kind === 'migrate' || step.action.kind === 'retire'),
  );
  if (rollout.undo !== null) {
    const undo = undoSteps(cell, rollout.undo.scope, rollout.begun);
    for (const step of undo.slice(0, rollout.undo.cursor)) apply(step.action);
  }
  return { state: { ...cell.base, slots, stores, tenants }, uncertain };
}
