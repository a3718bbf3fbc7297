import type { CellState, SlotState, StoreState, TenantState } from '../model/cell.ts';
import { isSlotOperation } from '../plan/activation.ts';
import { type Action, type CellPlan, changesSomething, type Plan, type Step } from '../plan/plan.ts';
import { type UndoStep, undoSteps } from '../plan/undo.ts';
import type { RolloutCore } from './state.ts';
import { unconfirmed } from './tried.ts';

/**
 * What a rollout made of its cell: the base with the done steps applied. `uncertain` says that a step was begun whose
 * effect nobody confirmed, so that only an observation tells; until then no plan may build on it.
 */
export function cellAfter(
  plan: Plan,
  cell: CellPlan,
  rollout: Pick<RolloutCore, 'cursor' | 'begun' | 'undo' | 'tried'>,
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
      case 'hold':
      case 'open':
        for (const name of action.tenants) {
          const { held: _, ...tenant } = tenants[name] ?? {};
          if ('slot' in tenant) tenants[name] = action.kind === 'hold' ? { ...tenant, held: true } : tenant;
        }
        return;
    }
  };
  for (const step of cell.steps.slice(0, rollout.cursor)) apply(step.action);
  const undone =
    rollout.undo === null ? [] : undoSteps(cell, rollout.undo.scope, rollout.begun).slice(0, rollout.undo.cursor);
  for (const step of undone) apply(step.action);
  // What is closed on a slot is no part of this state: the next plan closes and opens it by itself.
  // A begun step that nobody confirmed is settled by its own undo, and by nothing else.
  const uncertain = cell.steps
    .slice(rollout.cursor, rollout.begun)
    .some((step) => changesSomething(step.action) && !isSlotOperation(step) && !isUndone(step, undone));
  const tried = unconfirmed(rollout, cell).length > 0;
  return { state: { ...cell.base, slots, stores, tenants }, uncertain: uncertain || tried };
}

function isUndone(step: Step, undone: readonly UndoStep[]): boolean {
  const { action } = step;
  if (undone.some((u) => u.id === `again.${step.id}`)) return true;
  if (action.kind !== 'route') {
    const undo = undone.find((u) => u.id === `undo.${step.id}`)?.action;
    // Going back half way says nothing of a store that may never have moved at all.
    return undo !== undefined && (action.kind !== 'migrate' || ('to' in undo && undo.to === action.from));
  }
  const back = new Set(undone.flatMap((u) => (u.action.kind === 'route' ? u.action.tenants : [])));
  return action.tenants.every((tenant) => back.has(tenant));
}
