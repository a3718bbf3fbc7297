/**
 * What an approval binds to. Delaying, deferring or dropping work keeps an approval; anything added, reordered or
 * weakened voids it. The schedule (soak times, when waves open) lies outside, the latest finish inside.
 */
import type { CellPlan, GateSpec, Plan, Step } from './plan.ts';

export type Envelope = Omit<Plan, 'waves' | 'risk'>;

/** The part of a plan that a person approves; its canonical JSON's digest is what the approval names. */
export function envelopeOf(plan: Plan): Envelope {
  const { waves: _waves, risk: _risk, ...envelope } = plan;
  return envelope;
}

/** Why an approved envelope does not cover a plan; empty when it does. */
export function uncovered(envelope: Envelope, plan: Plan): readonly string[] {
  const why: string[] = [];
  const same = (what: string, a: unknown, b: unknown): void => {
    if (!equal(a, b)) why.push(`${what} differs`);
  };
  same('the application', envelope.application, plan.application);
  same('the environment', envelope.environment, plan.environment);
  same('the release', envelope.release, plan.release);
  same('the schema range', envelope.schemaRange, plan.schemaRange);
  same('the policy', envelope.policyDigest, plan.policyDigest);
  same('the rollback scope', envelope.rollbackScope, plan.rollbackScope);
  if (plan.latestFinish > envelope.latestFinish) why.push('the latest finish is later');
  for (const gate of envelope.gates)
    if (!plan.gates.some((g) => isAsStrict(g, gate))) why.push(`gate ${gate.gate} is missing or has other parameters`);
  // A point of no return may fall away with the steps that made it, but never appear or move.
  if (plan.pointOfNoReturn !== null) same('the point of no return', envelope.pointOfNoReturn, plan.pointOfNoReturn);
  for (const cell of plan.cells) {
    const approved = envelope.cells.find((c) => c.cell === cell.cell);
    if (approved === undefined) why.push(`cell ${cell.cell} was added`);
    else why.push(...uncoveredCell(approved, cell));
  }
  return why;
}

/** Whether an approved envelope covers a plan. */
export function covers(envelope: Envelope, plan: Plan): boolean {
  return uncovered(envelope, plan).length === 0;
}

function uncoveredCell(approved: CellPlan, cell: CellPlan): readonly string[] {
  const why: string[] = [];
  if (!equal(approved.base, cell.base)) why.push(`cell ${cell.cell} starts from another state`);
  if (!equal(approved.slot, cell.slot)) why.push(`cell ${cell.cell} takes other slots`);
  if (!equal(approved.recovery, cell.recovery)) why.push(`cell ${cell.cell} recovers in another way`);
  const kept = new Set(cell.steps.map((s) => s.id));
  let from = 0;
  for (const step of cell.steps) {
    const at = approved.steps.findIndex((s, i) => i >= from && s.id === step.id);
    const original = approved.steps[at];
    if (original === undefined) {
      why.push(`step ${step.id} of cell ${cell.cell} was added or reordered`);
      continue;
    }
    from = at + 1;
    if (!sameOrFewerTenants(original, step)) why.push(`step ${step.id} of cell ${cell.cell} differs`);
    for (const need of original.needs)
      if (!kept.has(need)) why.push(`step ${step.id} of cell ${cell.cell} lost ${need}, which it needs`);
  }
  return why;
}

/** The same step, or the same for fewer tenants (dropping a tenant from a route drops it from the undo too). */
function sameOrFewerTenants(original: Step, step: Step): boolean {
  if (equal(original, step)) return true;
  const { action: was } = original;
  const { action: is } = step;
  if (!('tenants' in was) || !('tenants' in is) || is.tenants.length === 0) return false;
  const allowed = new Set(was.tenants);
  if (!is.tenants.every((t) => allowed.has(t))) return false;
  if (!equal({ ...was, tenants: [] }, { ...is, tenants: [] })) return false;
  const { undo: wasUndo } = original;
  const { undo: isUndo } = step;
  if (wasUndo.kind === 'act' && isUndo.kind === 'act' && 'tenants' in wasUndo.action && 'tenants' in isUndo.action) {
    if (!equal(isUndo.action.tenants, is.tenants)) return false;
    if (
      !equal(
        { ...wasUndo, action: { ...wasUndo.action, tenants: [] } },
        { ...isUndo, action: { ...isUndo.action, tenants: [] } },
      )
    )
      return false;
  } else if (!equal(wasUndo, isUndo)) return false;
  return equal({ ...original, action: null, undo: null }, { ...step, action: null, undo: null });
}

function isAsStrict(gate: GateSpec, approved: GateSpec): boolean {
  return gate.gate === approved.gate && gate.at === approved.at && equal(gate.params, approved.params);
}

/** Structural equality of plain JSON; the order of keys does not matter, that of lists does. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keysA = Object.keys(a).filter((k) => (a as Record<string, unknown>)[k] !== undefined);
  const keysB = Object.keys(b).filter((k) => (b as Record<string, unknown>)[k] !== undefined);
  if (keysA.length !== keysB.length) return false;
  return keysA.every((k) => equal((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]));
}
