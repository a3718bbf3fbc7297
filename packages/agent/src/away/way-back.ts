/**
 * What the agent would do if it went back by itself: the plan's own undo, derived from how far it came, by the function that
 * the server derives it with. Pure.
 */
import {
  type CellPlan,
  heldTenants,
  movedTenants,
  type Plan,
  type Scope,
  tenantsInScope,
  type UndoStep,
  undoSteps,
} from '@headgate/domain';
import { actionText, named } from '@headgate/domain/plan/render-words';
import { type Marks, newestPlan } from '../marks/marks.ts';
import type { Undoing } from './journal.ts';
import type { Standing } from './standing.ts';

export interface WayBack {
  readonly cell: string;
  readonly scope: Scope;
  readonly begun: number;
  readonly steps: readonly UndoStep[];
  /** Tenants that go back, or are opened where they are. */
  readonly who: readonly string[];
  /** What is lost, in words. */
  readonly loses: readonly string[];
  /** The first step that its approver must agree to: it and what follows wait for the server. */
  readonly stopsAt: UndoStep | undefined;
}

/** The plan that is at work in a cell, as far as this agent knows; undefined: none, or another one than it last heard of. */
export function begunOf(standing: Standing | undefined, marks: Marks): number | undefined {
  if (standing === undefined) return undefined;
  const newest = newestPlan(marks, standing.last.cell);
  return newest?.plan === standing.last.plan && newest.begun > 0 ? newest.begun : undefined;
}

/** The wave that a cell has come to. */
export function waveOf(cell: CellPlan, begun: number): number {
  return cell.steps[begun - 1]?.wave ?? 1;
}

export function wayBackOf(cell: CellPlan, scope: Scope, begun: number): WayBack {
  const steps = undoSteps(cell, scope, begun);
  const loses = steps.flatMap(({ action, approver }) =>
    (action.kind === 'restore' || action.kind === 'unmigrate') && approver !== undefined
      ? [`${actionText(action)}: what was written ${action.kind === 'restore' ? 'since' : 'into it since'} is gone`]
      : [],
  );
  const stopsAt = steps.find(({ approver }) => approver !== undefined);
  return { cell: cell.cell, scope, begun, steps, who: tenantsInScope(cell, scope, begun), loses, stopsAt };
}

/** Whom a cell's begun steps moved, and who of them is held at this moment. */
export function movedIn(
  cell: CellPlan,
  begun: number,
): { readonly moved: readonly string[]; readonly held: readonly string[] } {
  return { moved: movedTenants(cell, begun), held: [...heldTenants(cell, begun)] };
}

/** Whom the steps of an undo that were done have routed back. */
export function broughtBack(
  cell: CellPlan,
  { scope, begun, done }: Pick<Undoing, 'scope' | 'begun' | 'done'>,
): ReadonlySet<string> {
  const ids = new Set(done.map(({ id }) => id));
  const steps = undoSteps(cell, scope, begun).filter(({ id }) => ids.has(id));
  return new Set(steps.flatMap(({ action }) => (action.kind === 'route' ? action.tenants : [])));
}

/** The scope of a failure, as the plan declares it; once something narrower was brought back, the cell. */
export function scopeOfFailing(
  plan: Plan,
  cell: CellPlan,
  begun: number,
  tenant: string | undefined,
  before: Undoing | undefined,
): Scope {
  const wave = waveOf(cell, begun);
  const whole: Scope = { kind: 'cell', wave, cell: cell.cell };
  if (plan.rollbackScope === 'all') return { kind: 'all', wave };
  if (before !== undefined || plan.rollbackScope === 'cell') return whole;
  if (plan.rollbackScope === 'ring') return { kind: 'ring', wave };
  return tenant === undefined ? whole : { kind: 'tenant', wave, cell: cell.cell, tenants: [tenant] };
}

/** A way back as lines for a person. */
export function wayBackText({ cell, who, steps, loses, stopsAt }: WayBack): readonly string[] {
  const lines = [`cell ${cell}: ${who.length === 0 ? 'no tenant moves' : `${named(who)} back`}`];
  for (const step of steps) {
    const asks = step.approver === undefined ? '' : `, if ${step.approver} agrees`;
    lines.push(`  ${step.id}: ${actionText(step.action)}${asks}`);
  }
  lines.push(loses.length === 0 ? '  nothing is lost' : `  lost: ${loses.join('; ')}`);
  if (stopsAt !== undefined)
    lines.push(`  it stops before ${stopsAt.id}: ${stopsAt.approver} must agree, which takes the server`);
  return lines;
}
