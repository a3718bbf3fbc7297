/**
 * Where undo stops being possible without losing what was written since, and where a plan can still be stopped before that
 * without anybody noticing.
 */
import { isActivation } from './activation.ts';
import type { CellPlan, PointOfNoReturn, Step } from './plan.ts';
import { named } from './render-words.ts';

/**
 * The first step of a cell that can't be taken back without losing data: only a restore does, or what it takes away or changes
 * stays so. What only a restore takes back: its tenants write all the time, so that is not only once the first
 * of them moved; those who were held meanwhile write from when they are opened on. Undefined: everything can be undone.
 */
export function noReturnOf({ cell, steps }: Pick<CellPlan, 'cell' | 'steps'>): PointOfNoReturn | undefined {
  const restored = steps.find((step) => loses(step, steps));
  if (restored === undefined) return activationOf(cell, steps);
  if (!isRestored(restored) && takenBy(restored).length > 0)
    return {
      cell,
      step: restored.id,
      because: `from then on, only its restore point surely has what ${named(takenBy(restored))} takes away or changes`,
    };
  if (restored.of === undefined)
    return {
      cell,
      step: restored.id,
      because: isRestored(restored)
        ? 'from its restore point on, going back restores the store and loses what its tenants wrote since'
        : 'from then on, its way back loses data, as its rehearsal says',
    };
  const opened = steps.find(({ action }) => action.kind === 'open');
  if (opened === undefined) return undefined;
  const because = isRestored(restored)
    ? 'from then on, going back restores a store and loses what its tenants wrote since'
    : 'from then on, going back takes a migration back, and with it what its tenants wrote into it since';
  return { cell, step: opened.id, because };
}

/** What is activated last of all can't be taken back either: what customers did by it stays done. */
function activationOf(cell: string, steps: readonly Step[]): PointOfNoReturn | undefined {
  const first = steps.find(isActivation);
  if (first?.action.kind !== 'open-operations') return undefined;
  const { operations } = first.action;
  return {
    cell,
    step: first.id,
    because: `from then on ${named(operations)} is used, and what that did can’t be undone`,
  };
}

/**
 * The step before which a go is waited for: the last moment at which nobody is held and no restore point grows old. That is
 * before the hold, or the restore point, that belongs to the first step that loses data when it is taken back. Undefined: there
 * is nothing to ask, since everything can be undone. Where nothing but an activation can't be, before the first one.
 */
export function askedBefore(cell: Pick<CellPlan, 'cell' | 'steps'>): Step | undefined {
  if (noReturnOf(cell) === undefined) return undefined;
  if (!cell.steps.some((step) => loses(step, cell.steps))) return cell.steps.find(isActivation);
  const at = cell.steps.findIndex((step) => loses(step, cell.steps));
  const restored = cell.steps[at] as Step;
  const { wave } = restored;
  const { action } = restored;
  const store = 'store' in action ? action.store : undefined;
  const belongs = (step: Step): boolean =>
    step.wave === wave &&
    ((step.action.kind === 'restore-point' && step.action.store === store) ||
      (step.action.kind === 'hold' &&
        restored.of !== undefined &&
        step.action.tenants.some((t) => restored.of?.includes(t))));
  return cell.steps.slice(0, at).find(belongs) ?? restored;
}

/** Whether taking it back loses data: what was written since, or what it took away. */
function loses(step: Step, steps: readonly Step[]): boolean {
  return isRestored(step) || takenBy(step).length > 0 || isAsked(step, steps);
}

/**
 * Whether going back asks an approver before a migration is taken back: of a tenant's own store, once the tenant was opened. Of a
 * shared store only what loses data whatever was written: else the application goes back, and the store stays expanded.
 */
function isAsked({ action, undo, of }: Step, steps: readonly Step[]): boolean {
  if (action.kind !== 'migrate' || undo.kind !== 'act') return false;
  if (of === undefined) return undo.approver !== undefined && undo.losesFrom === undefined;
  const open = steps.find((step) => step.action.kind === 'open' && step.of?.[0] === of[0])?.undo;
  return open?.kind === 'act' && open.approver !== undefined;
}

/**
 * The migrations of a step that take something away, or change it. Kept, that stays so; and what a way back makes anew has in it
 * what its file puts there, which nobody here knows.
 */
function takenBy({ action }: Step): readonly string[] {
  if (action.kind !== 'migrate') return [];
  return action.migrations.filter(({ phase }) => phase !== 'expand').map(({ id }) => id);
}

function isRestored({ undo }: Step): boolean {
  return undo.kind === 'act' && undo.action.kind === 'restore';
}
