/**
 * What an approval binds to. Delaying, deferring or dropping work keeps an approval; anything added, reordered or
 * weakened voids it. The schedule (soak times, when waves open) lies outside, the latest finish inside.
 */
import { isActivation, reachedBy } from './activation.ts';
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
  same('who it is for', envelope.tenants, plan.tenants);
  same('what it overtakes', envelope.overtakes, plan.overtakes);
  same('the rollback scope', envelope.rollbackScope, plan.rollbackScope);
  same('when it is to go back', envelope.rollbackConditions, plan.rollbackConditions);
  same('what it activates', envelope.activates, plan.activates);
  if (plan.latestFinish > envelope.latestFinish) why.push('the latest finish is later');
  for (const gate of envelope.gates)
    if (!plan.gates.some((g) => isAsStrict(g, gate))) why.push(`gate ${gate.gate} is missing or has other parameters`);
  // A point of no return may fall away with the steps that made it, but never appear or move.
  const point = envelope.pointOfNoReturn;
  if (plan.pointOfNoReturn !== null) same('the point of no return', point, plan.pointOfNoReturn);
  else if (plan.cells.some((c) => c.cell === point?.cell && c.steps.some((s) => s.id === point.step)))
    why.push('the point of no return is hidden');
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
  const kept = new Map(cell.steps.map((s) => [s.id, s]));
  if (kept.size < cell.steps.length) why.push(`cell ${cell.cell} has two steps of one name`);
  let from = 0;
  for (const step of cell.steps) {
    const at = approved.steps.findIndex((s, i) => i >= from && s.id === step.id);
    const original = approved.steps[at];
    if (original === undefined) {
      why.push(`step ${step.id} of cell ${cell.cell} was added or reordered`);
      continue;
    }
    from = at + 1;
    if (!isApproved(approved, original, step)) why.push(`step ${step.id} of cell ${cell.cell} differs`);
    for (const need of original.needs)
      if (!kept.has(need)) why.push(`step ${step.id} of cell ${cell.cell} lost ${need}, which it needs`);
  }
  for (const look of approved.steps) why.push(...lookedAway(approved, cell, look, kept));
  return why;
}

/**
 * A route, or an activation, may be dropped with the checks that follow it, but no tenant may move, and nothing be opened for
 * them, while one of its checks is dropped.
 */
function lookedAway(
  approved: CellPlan,
  cell: CellPlan,
  look: Step,
  kept: ReadonlyMap<string, Step>,
): readonly string[] {
  const { kind } = look.action;
  if (kind !== 'verify' && kind !== 'soak') return [];
  const now = kept.get(look.id)?.action;
  const looksAt = new Set(now !== undefined && 'tenants' in now ? now.tenants : []);
  const why: string[] = [];
  for (const step of cell.steps) {
    const reached = reachedBy(step);
    if (reached.length === 0 || !needs(approved, look, step.id)) continue;
    const unseen = reached.find((t) => !looksAt.has(t));
    if (unseen !== undefined) why.push(`step ${look.id} of cell ${cell.cell} no longer looks at tenant ${unseen}`);
  }
  return why;
}

/**
 * Whether a step needs another, directly or through those between them. Needs point backwards, so this ends; and it ends at an
 * activation, which needs every check before it: what follows looks at those alone for whom it opens something.
 */
function needs(cell: CellPlan, step: Step, id: string): boolean {
  return step.needs.some((n) => {
    const at = cell.steps.findIndex((s) => s.id === n);
    const needed = cell.steps[at];
    if (n === id || needed === undefined || isActivation(needed)) return n === id;
    return at < cell.steps.indexOf(step) && needs(cell, needed, id);
  });
}

/** The step as approved, in its wave or a later one, for the same tenants, fewer, or some deferred from earlier waves. */
function isApproved(approved: CellPlan, original: Step, step: Step): boolean {
  if (step.wave < original.wave) return false;
  const { action: was, undo: wasUndo } = original;
  const { action: is, undo: isUndo } = step;
  const rest = { wave: 0, action: null, undo: null };
  if (!equal({ ...original, ...rest }, { ...step, ...rest })) return false;
  // For fewer tenants a migration would run beside what the others do.
  const operates = was.kind === 'close-operations' || was.kind === 'open-operations';
  if (operates || !('tenants' in was) || !('tenants' in is)) return equal(was, is) && equal(wasUndo, isUndo);
  if (!equal({ ...was, tenants: [] }, { ...is, tenants: [] }) || is.tenants.length === 0) return false;
  const allowed = new Set(
    approved.steps.flatMap((s) =>
      s.action.kind === is.kind && 'tenants' in s.action && s.wave <= original.wave ? s.action.tenants : [],
    ),
  );
  if (!is.tenants.every((t) => allowed.has(t))) return false;
  if (
    wasUndo.kind !== 'act' ||
    isUndo.kind !== 'act' ||
    !('tenants' in wasUndo.action) ||
    !('tenants' in isUndo.action)
  )
    return equal(wasUndo, isUndo);
  // What a route moves, its undo brings back.
  const wanted = { ...wasUndo, action: { ...wasUndo.action, tenants: is.tenants } };
  return equal(wanted, isUndo);
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
