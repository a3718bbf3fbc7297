/**
 * The checker's own reading of what a rollback names and consists of. Written apart from `undo.ts` in the domain, from
 * the design's words, so that a fault there shows here.
 */
import type { CellPlan, Scope, Step } from '@headgate/domain';

/** Whether a scope names a tenant that a step of a wave moved in a cell. */
export function names(scope: Scope, cell: string, wave: number, tenant: string): boolean {
  if (scope.kind === 'all') return true;
  if (scope.kind === 'ring') return scope.wave === wave;
  if (scope.cells !== undefined) return scope.cells.includes(cell);
  if (scope.cell !== undefined && scope.cell !== cell) return false;
  return scope.kind === 'cell' ? scope.cell === cell : (scope.tenants?.includes(tenant) ?? false);
}

/** What a promotion's scope that lists cells comes to in one of them; nobody, where it isn't listed. */
export function ofCell(scope: Scope, cell: string): Scope {
  if (scope.cells === undefined) return scope;
  const { wave } = scope;
  return scope.cells.includes(cell) ? { kind: 'cell', wave, cell } : { kind: 'tenant', wave, cell, tenants: [] };
}

export interface ExpectedUndo {
  /** Tenants to bring back, in the order of their waves. */
  readonly back: readonly string[];
  /** Everyone who was moved comes back, so that the new code stops too. */
  readonly whole: boolean;
  /** Ids of the steps, in order. */
  readonly ids: readonly string[];
  /** Ids of the steps that lose data and take somebody's agreement. */
  readonly agreed: ReadonlySet<string>;
}

/**
 * What an undo of the first `begun` steps consists of: traffic, then each that has a store of their own the way they came,
 * then code and data from the last to the first, then recovery.
 */
export function expectedUndo(cell: CellPlan, scope: Scope, begun: number): ExpectedUndo {
  const steps = cell.steps.slice(0, begun);
  const back: string[] = [];
  const moved = new Set<string>();
  let together = false;
  // An activation's wave moves nobody: its ring's way back is that of those whom it was begun for, of those who moved.
  const late = new Set(steps.filter((s) => isActivation(s) && isRing(scope, s.wave)).flatMap(whomOf));
  for (const step of steps) {
    if (step.action.kind !== 'route' && step.action.kind !== 'hold') continue;
    for (const tenant of step.action.tenants) {
      if (moved.has(tenant)) continue;
      moved.add(tenant);
      if (!names(scope, cell.cell, step.wave, tenant) && !late.has(tenant)) continue;
      back.push(tenant);
      if (step.of === undefined) together = true;
    }
  }
  // Whoever is held at that moment goes back whatever is named. Whoever was being opened is opened again, if they stay or a person is asked before they go back.
  const held = new Set<string>();
  for (const { action } of steps) {
    if (action.kind === 'hold') for (const tenant of action.tenants) held.add(tenant);
    if (action.kind === 'open') for (const tenant of action.tenants) held.delete(tenant);
  }
  for (const tenant of moved) if (held.has(tenant) && !back.includes(tenant)) back.push(tenant);
  const whole = back.length === moved.size;
  const ids: string[] = [];
  const agreed = new Set<string>();
  const last = steps.at(-1);
  ids.push(...stillClosed(steps));
  const staying = last?.action.kind === 'open' && !last.action.tenants.some((tenant) => back.includes(tenant));
  if (last?.action.kind === 'open' && (staying || (last.undo.kind === 'act' && last.undo.approver !== undefined)))
    ids.push(`again.${last.id}`);
  if (begun === 0) return { back, whole, ids, agreed };
  // What names tenants has an id of its own for a narrower scope: a widened one does the same for more of them.
  const named = scope.kind === 'ring' || scope.kind === 'tenant' ? `${scope.kind}.` : '';
  // What was closed on the new slot is opened for whoever doesn't stay there.
  const closed = steps.filter((step) => step.action.kind === 'close-operations' && step.action.slot !== undefined);
  const opened = closed.flatMap(whomOf).some((tenant) => !moved.has(tenant) || back.includes(tenant));
  if (back.length === 0 && !whole) return { back, whole, ids: opened ? [...ids, `${named}undo.close`] : ids, agreed };
  if (together) ids.push(`${named}undo.route`);
  for (const step of [...steps].reverse()) {
    if (step.of === undefined || step.undo.kind !== 'act' || step.of.some((tenant) => !back.includes(tenant))) continue;
    ids.push(`undo.${step.id}`);
    if (step.undo.approver !== undefined) agreed.add(`undo.${step.id}`);
  }
  if (opened) ids.push(`${named}undo.close`);
  if (whole) {
    for (const step of [...steps].reverse()) {
      if (step.of !== undefined || step.action.kind === 'route' || step.undo.kind !== 'act') continue;
      if (step.action.kind === 'close-operations') continue;
      const { action } = step.undo;
      if (named !== '' && 'store' in action && !allNamed(cell, action.store, back)) continue;
      ids.push(`undo.${step.id}`);
      if (mayLose(cell, step, steps)) agreed.add(`undo.${step.id}`);
    }
  }
  for (const step of cell.recovery) {
    const perTenant = step.action.kind === 'verify' || step.action.kind === 'reconcile';
    if (!perTenant) ids.push(step.id);
    else if ('tenants' in step.action && step.action.tenants.some((t) => back.includes(t)))
      ids.push(`${named}${step.id}`);
  }
  return { back, whole, ids, agreed };
}

function isRing({ kind, wave }: Scope, of: number): boolean {
  return kind === 'ring' && wave === of;
}

function isActivation({ action }: Step): boolean {
  return action.kind === 'open-operations' && action.slot !== undefined;
}

function whomOf({ action }: Step): readonly string[] {
  return 'tenants' in action ? action.tenants : [];
}

/** What opens the operations that a migration closed, before anything else: its own step again, or the undo of what closed them. */
function stillClosed(steps: readonly Step[]): readonly string[] {
  const window = ({ action }: Step): boolean => 'operations' in action && action.slot === undefined;
  const last = steps.at(-1);
  if (last?.action.kind === 'open-operations' && window(last)) return [`again.${last.id}`];
  const turned = steps.findLast(window);
  return turned?.action.kind === 'close-operations' ? [`undo.${turned.id}`] : [];
}

/**
 * Who of them is on the stable slot again after that many steps of the undo: the others stay where they are when somebody
 * declines the next one. Whoever has a store of their own is back with the last of their own steps.
 */
export function broughtBack(cell: CellPlan, begun: number, { back, ids }: ExpectedUndo, cursor: number): string[] {
  const done = new Set(ids.slice(0, cursor));
  const together = ids.slice(0, cursor).some((id) => id.endsWith('undo.route'));
  const steps = cell.steps.slice(0, begun);
  return back.filter((tenant) => {
    const own = steps.filter(({ of, undo }) => of?.includes(tenant) === true && undo.kind === 'act');
    return own.length === 0 ? together : own.every(({ id }) => done.has(`undo.${id}`));
  });
}

/**
 * Whether a shared store's way back may lose something, read from what was begun and not from whom the plan has asked: a restore
 * always; a migration that is taken back once new code was started there, or runs there already, and always where it took away
 * or changed anything, or its rehearsal says so.
 */
function mayLose(cell: CellPlan, { action, undo }: Step, begun: readonly Step[]): boolean {
  if (undo.kind !== 'act' || action.kind !== 'migrate') return false;
  if (undo.action.kind !== 'unmigrate') return undo.action.kind === 'restore';
  const deploys = (step: Step): boolean => step.action.kind === 'deploy';
  const newCode = begun.some(deploys) || !cell.steps.some(deploys);
  const rehearsed = undo.approver !== undefined && undo.losesFrom === undefined;
  return newCode || rehearsed || undo.action.migrations.some(({ phase }) => phase !== 'expand');
}

/** A shared store changes only by a decision that names every tenant in it. */
function allNamed(cell: CellPlan, store: string, back: readonly string[]): boolean {
  return Object.entries(cell.base.tenants).every(([tenant, at]) => at.store !== store || back.includes(tenant));
}

/** Steps that a window and the gates hold back: those that change the cell. Whoever was verified is opened all the same. */
export function changes(step: Pick<Step, 'action'>): boolean {
  const { action } = step;
  const { kind } = action;
  if (kind === 'open-operations') return action.slot !== undefined;
  return kind !== 'open' && kind !== 'verify' && kind !== 'soak' && kind !== 'restore-point';
}
