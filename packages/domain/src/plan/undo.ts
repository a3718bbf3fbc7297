/**
 * What an undo consists of: a pure function of the plan, of how far the cell came and of the scope that was decided.
 * Traffic first (customers before tidiness), then the new code stops, then data as the plan says, then what was caught
 * half way is reconciled, then the stable version is verified.
 */
import { closedBehind, isClosedUntil, reachedBy } from './activation.ts';
import type { Action, CellPlan, RollbackScope, Step, Undo } from './plan.ts';
import { isWindow, windowLeftOpen } from './read-only-window.ts';

/** Which tenants a rollback names: resolved through the plan, so that an entry stays small at 10,000 tenants. */
export interface Scope {
  readonly kind: RollbackScope;
  /** The wave that failed, or the last one opened. */
  readonly wave: number;
  /** The cell that failed; absent for `all`. */
  readonly cell?: string;
  /** Only for `cell`, instead of one: those that a promotion that is overtaken leaves half way. A promotion's alone. */
  readonly cells?: readonly string[];
  /** Only for `tenant`. */
  readonly tenants?: readonly string[];
}

export interface UndoStep {
  readonly id: string;
  readonly action: Action;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly approver?: string;
}

/** The tenants of a cell that begun steps moved or held, in wave order. */
export function movedTenants(cell: CellPlan, begun: number): readonly string[] {
  return [...new Set(begunSteps(cell, begun).flatMap(taken))];
}

/** Whom a step takes from where they were. */
function taken({ action }: Step): readonly string[] {
  return action.kind === 'route' || action.kind === 'hold' ? action.tenants : [];
}

/**
 * The tenants of a cell that a scope brings back, in wave order: those whom it names, and whoever is held at that moment.
 * Nobody is served while held, and nothing was written since, so no decision to go back leaves them behind.
 */
export function tenantsInScope(cell: CellPlan, scope: Scope, begun: number): readonly string[] {
  const named = namedBy(cell, scope, begun);
  const held = heldTenants(cell, begun);
  return movedTenants(cell, begun).filter((tenant) => named.has(tenant) || held.has(tenant));
}

/**
 * What a promotion's scope is in one cell. A list of cells stays with the promotion: of 900 rollouts each would carry all
 * of it, and an agent needs to know of its own cell alone.
 */
export function scopeIn(scope: Scope, cell: string): Scope {
  const { wave, cells } = scope;
  if (cells === undefined) return scope;
  return cells.includes(cell) ? { kind: 'cell', wave, cell } : { kind: 'tenant', wave, cell, tenants: [] };
}

function namesCell({ cell, cells }: Scope, name: string): boolean {
  return cell === name || cells?.includes(name) === true;
}

function namedBy(cell: CellPlan, scope: Scope, begun: number): ReadonlySet<string> {
  switch (scope.kind) {
    case 'all':
      return new Set(movedTenants(cell, begun));
    case 'cell':
      return new Set(namesCell(scope, cell.cell) ? movedTenants(cell, begun) : []);
    case 'ring': {
      // An activation moves nobody: its ring is whom it opened something for.
      const named = (step: Step): readonly string[] => [...taken(step), ...reachedBy(step)];
      return new Set(begunSteps(cell, begun).flatMap((s) => (s.wave === scope.wave ? named(s) : [])));
    }
    case 'tenant':
      return new Set(scope.cell === undefined || scope.cell === cell.cell ? scope.tenants : []);
  }
}

/** Whom a begun step holds, and none has begun to open again. */
export function heldTenants(cell: CellPlan, begun: number): ReadonlySet<string> {
  return heldAfter(begunSteps(cell, begun));
}

/** Whom steps, forward or undo, hold and don't open again. */
export function heldAfter(steps: readonly Pick<Step, 'action'>[]): ReadonlySet<string> {
  const held = new Set<string>();
  for (const { action } of steps) {
    if (action.kind === 'hold') for (const tenant of action.tenants) held.add(tenant);
    else if (action.kind === 'open') for (const tenant of action.tenants) held.delete(tenant);
  }
  return held;
}

/** Whether the scope brings back all that the cell moved, so that the new code has nobody left to serve there. */
export function isWhole(cell: CellPlan, scope: Scope, begun: number): boolean {
  if (scope.kind === 'all' || (scope.kind === 'cell' && namesCell(scope, cell.cell))) return true;
  const moved = movedTenants(cell, begun);
  // A cell outside the scope that moved nobody has nothing to lose by being tidied; one with tenants on it stays.
  return tenantsInScope(cell, scope, begun).length === moved.length;
}

/**
 * Whether a scope brings back what a failed step was about, so that the rollback answers its failure. Another failure,
 * beside the scope, is one that nobody has decided on yet.
 */
export function answersFailure(
  scope: Scope,
  cell: CellPlan,
  failure: { readonly step: string; readonly tenants: readonly string[] },
): boolean {
  const step = cell.steps.find((s) => s.id === failure.step);
  // It holds its tenant, who so goes back with any rollback.
  if (step?.of !== undefined && step.action.kind !== 'open') return true;
  switch (scope.kind) {
    case 'all':
      return true;
    case 'cell':
      return namesCell(scope, cell.cell);
    case 'ring':
      return cell.steps.some((s) => s.id === failure.step && s.wave === scope.wave);
    case 'tenant': {
      const tenants = whoFailed(cell, failure);
      return (
        scope.cell === cell.cell && tenants.length > 0 && tenants.every((t) => scope.tenants?.includes(t) === true)
      );
    }
  }
}

/** Whose a failure is: those whom its checks name, or those whom the step is about alone. Empty: the cell's. */
export function whoFailed(
  cell: CellPlan,
  failure: { readonly step: string; readonly tenants: readonly string[] },
): readonly string[] {
  if (failure.tenants.length > 0) return failure.tenants;
  return cell.steps.find((s) => s.id === failure.step)?.of ?? [];
}

/**
 * The undo of a cell that began its first `begun` forward steps, in order. Empty when the scope leaves the cell as it is.
 * A step that was begun counts as done: an undo observes before it acts, so undoing too much is harmless.
 */
export function undoSteps(cell: CellPlan, scope: Scope, begun: number): readonly UndoStep[] {
  if (begun === 0) return [];
  const back = tenantsInScope(cell, scope, begun);
  const whole = isWhole(cell, scope, begun);
  const steps: UndoStep[] = [...openWindow(cell, begun), ...openAgain(cell, begun, back)];
  const behind = openBehind(cell, begun, back, scope);
  if (back.length === 0 && !whole) return [...steps, ...behind];
  // A step's id is what its effect is carried out once for, so the same step for other tenants has another id. What
  // doesn't name tenants keeps its id when a scope is widened: a store that was restored isn't restored again.
  const named = scope.kind === 'all' || scope.kind === 'cell' ? '' : `${scope.kind}.`;
  const moved = new Set(back);
  const begunOnes = begunSteps(cell, begun);
  const shared = begunOnes.filter((s) => s.of === undefined);
  const routes = shared.filter((s) => s.action.kind === 'route' && s.undo.kind === 'act');
  const together = new Set(routes.flatMap(taken));
  const routed = back.filter((tenant) => together.has(tenant));
  const first = routes[0];
  if (routed.length > 0 && first?.undo.kind === 'act') {
    // One step for all waves: the last tenant is safe as soon as the first one.
    steps.push({
      id: `${named}undo.route`,
      action: { kind: 'route', tenants: routed, slot: cell.slot.from },
      timeoutMs: first.undo.timeoutMs,
      attempts: first.undo.attempts,
    });
  }
  // Whoever has a store of their own goes back the way they came, without regard to the others.
  for (const step of begunOnes.toReversed()) {
    if (step.of === undefined || !step.of.every((tenant) => moved.has(tenant))) continue;
    if (step.undo.kind === 'act') steps.push(undoOf(step, step.undo, begunOnes));
  }
  // Once nobody of them is served there, nothing stays closed for them.
  steps.push(...behind);
  if (whole) {
    for (const step of shared.toReversed()) {
      if (step.action.kind === 'route' || step.undo.kind === 'keep' || isWindow(step, 'close-operations')) continue;
      if (isClosedUntil(step)) continue;
      const { action } = step.undo;
      if ('store' in action && !namesAllOf(cell, action.store, scope, back)) continue;
      steps.push(undoOf(step, step.undo, begunOnes));
    }
  }
  for (const step of cell.recovery) {
    const { action } = step;
    if (action.kind === 'verify' || action.kind === 'reconcile') {
      const tenants = action.tenants.filter((t) => moved.has(t));
      if (tenants.length > 0) steps.push({ ...step, id: `${named}${step.id}`, action: { ...action, tenants } });
    } else steps.push(step);
  }
  return steps;
}

/**
 * Whoever was being opened last: nobody knows whether they are served, so they are opened again, unless they go back at
 * once. Those for whom an approver is asked first are served until the answer comes.
 */
function openAgain(cell: CellPlan, begun: number, back: readonly string[]): readonly UndoStep[] {
  const last = begunSteps(cell, begun).at(-1);
  if (last?.action.kind !== 'open') return [];
  const asks = last.undo.kind === 'act' && last.undo.approver !== undefined;
  if (!asks && last.action.tenants.some((tenant) => back.includes(tenant))) return [];
  const { id, action, timeoutMs, attempts } = last;
  return [{ id: `again.${id}`, action, timeoutMs, attempts }];
}

/** Whatever goes back or stays: what a migration closed is opened first, and nobody waits for a person’s answer meanwhile. */
function openWindow(cell: CellPlan, begun: number): readonly UndoStep[] {
  const left = windowLeftOpen(begunSteps(cell, begun));
  if (left === undefined) return [];
  const { step, again } = left;
  const { id, action, timeoutMs, attempts } = step;
  if (again) return [{ id: `again.${id}`, action, timeoutMs, attempts }];
  return step.undo.kind === 'act' ? [undoOf(step, step.undo, [])] : [];
}

/** What was closed until its activation is open again for whoever goes back or never moved: one step for all waves. */
function openBehind(cell: CellPlan, begun: number, back: readonly string[], scope: Scope): readonly UndoStep[] {
  const gone = new Set(back);
  const staying = new Set(movedTenants(cell, begun).filter((tenant) => !gone.has(tenant)));
  const closed = closedBehind(begunSteps(cell, begun), staying);
  if (closed === undefined) return [];
  const named = scope.kind === 'all' || scope.kind === 'cell' ? '' : `${scope.kind}.`;
  return [{ id: `${named}undo.close`, ...closed }];
}

/** Who agrees is asked once something may be lost: before the step that begins it, nothing was written that would be. */
function undoOf(step: Step, undo: Extract<Undo, { kind: 'act' }>, begun: readonly Step[]): UndoStep {
  const { action, timeoutMs, attempts, approver, losesFrom } = undo;
  const back = { id: `undo.${step.id}`, action, timeoutMs, attempts };
  const loses = losesFrom === undefined || begun.some(({ id }) => id === losesFrom);
  return approver === undefined || !loses ? back : { ...back, approver };
}

/**
 * A store changes only by a decision that names every tenant in it: a cell or all of them, or by name. Short of that it
 * keeps its schema, on which the code before runs, too.
 */
function namesAllOf(cell: CellPlan, store: string, scope: Scope, back: readonly string[]): boolean {
  if (scope.kind === 'all' || scope.kind === 'cell') return true;
  const named = new Set(back);
  return Object.entries(cell.base.tenants).every(([name, tenant]) => tenant.store !== store || named.has(name));
}

function begunSteps(cell: CellPlan, begun: number): readonly Step[] {
  return cell.steps.slice(0, begun);
}
