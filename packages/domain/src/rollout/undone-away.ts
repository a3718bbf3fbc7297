/**
 * What an agent took back by itself while the control plane was away. By the time anybody hears of it, it has happened:
 * it is taken up as a fact, whatever was meant to happen here meanwhile, and the rollout goes on from there. Never
 * forward: customers are back, or on their way.
 */
import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import type { StepResult } from '../model/outcome.ts';
import { accepted, type Decided, refused } from '../model/refusal.ts';
import type { CellPlan } from '../plan/plan.ts';
import { isWhole, type Scope, type UndoStep, undoSteps } from '../plan/undo.ts';
import type { RolloutEvent } from './events.ts';
import { ASK_MS } from './looks.ts';
import { provenOutcome } from './outcome-rules.ts';
import type { Rollout } from './state.ts';
import { latest, noted, triedBy } from './tried.ts';

/** So many tokens may an agent have taken by itself beside one for each step: retries. More would use the numbers up. */
export const LARGEST_TOKEN_RISE = 10_000;

/**
 * So many UTF-16 units of names or of reports has an entry room for: at most three bytes each, and together with the rest
 * no more than the 65,535 bytes that an entry may have.
 */
const ROOM = 8_000;

/** What the agent tells. */
export interface UndoneAway {
  readonly plan: Digest;
  readonly scope: Scope;
  /** Forward steps that the agent had begun: what it derived the undo from. */
  readonly begun: number;
  /** The steps of that undo which it carried out, in their order, with what came of each. */
  readonly steps: readonly { readonly id: string; readonly result: StepResult }[];
  /** The highest number of its own tokens: the next assignment here carries a higher one. */
  readonly n: number;
  /**
   * Who decided it, by the agent's word alone: whoever named themselves at its machine, or `agent` for a condition that was
   * declared.
   */
  readonly by: string;
  readonly because: string;
  /** From when on the control plane had not answered, by the agent's clock. */
  readonly since: Instant;
  /** Why it went no further; absent: the undo was done. */
  readonly stopped?: string;
}

/**
 * Takes up what an agent did. What it did is compared step by step with what the undo is from here; the rest, or all of it
 * where the two differ, is carried out again, which changes nothing where it had its effect. Told twice, it is known.
 * `assigned` is the cell's last number beside the rollout's.
 */
export function decideUndoneAway(
  state: Rollout,
  cell: CellPlan,
  agent: PrincipalId,
  told: UndoneAway,
  now: Instant,
  assigned: number,
): Decided<RolloutEvent> {
  const what = `take up what ${agent} undid in rollout ${state.id}`;
  const where = `rollout/${state.id}`;
  if (told.plan !== state.planDigest)
    return refused(
      'other-plan',
      what,
      where,
      `it is of the plan ${told.plan}`,
      'nothing: the rollout has another plan',
    );
  if (told.begun > cell.steps.length || (told.scope.cell !== undefined && told.scope.cell !== cell.cell))
    return refused('other-plan', what, where, 'its scope is not one of this cell', 'nothing: it says what can’t be');
  const most = Math.max(state.n, assigned) + LARGEST_TOKEN_RISE + told.steps.length;
  // Before anything else is made of it: a settled rollout's cell takes the number up, too.
  if (told.n > most)
    return refused(
      'absurd-token',
      what,
      where,
      `its last token is ${told.n}, and at most ${most} is possible: the next assignment here would begin above that`,
      'find out what wrote that number at the agent; the cell’s next observation says what became of it',
    );
  if (state.phase === 'settled')
    return refused(
      'settled',
      what,
      where,
      `it is settled (${state.result})`,
      'nothing: the cell’s next observation says what became of it',
    );
  const begun = Math.max(state.begun, told.begun);
  const scope = widest(state, cell, bounded(told.scope, cell), begun);
  const theirs = undoSteps(cell, told.scope, told.begun);
  const cursor = alike(theirs, undoSteps(cell, scope, begun), told);
  const n = Math.max(state.n, told.n);
  const known = state.undo;
  if (known !== null && same(known.scope, scope) && state.begun === begun && known.cursor >= cursor && state.n === n)
    return accepted();
  const { by, since, stopped } = told;
  const words = undoneWords(agent, told);
  const data = {
    ...{ scope, because: words, by, agent, since, begun, done: told.steps.length, cursor, n },
    ...noted(latest(triedBy(state, cell), carriedOut(theirs, told))),
    ...reportsWithRoom(told.steps.slice(0, cursor)),
  };
  const until = now + ASK_MS;
  return accepted({
    type: 'rollout.undone-away',
    data: { ...data, ...(stopped !== undefined && { stopped }), until, lookAt: now },
  });
}

/** What checks and reconciliations said, as far as an entry has room for: what is unsound first. */
export function reportsWithRoom(steps: UndoneAway['steps']) {
  const all = steps.flatMap(({ id: step, result: { checks, reconciliation } }) => {
    if (checks === undefined && reconciliation === undefined) return [];
    const sound = (checks?.failed ?? 0) === 0 && (reconciliation?.agrees ?? true) && (reconciliation?.asked ?? 0) === 0;
    const result = { ...(checks && { checks }), ...(reconciliation && { reconciliation }) };
    return [{ sound, report: { step, result } }];
  });
  all.sort((a, b) => Number(a.sound) - Number(b.sound));
  let room = ROOM;
  const fitting = all.filter(({ report }) => {
    room -= JSON.stringify(report).length;
    return room >= 0;
  });
  const left = all.length - fitting.length;
  return {
    ...(fitting.length > 0 && { reported: fitting.map(({ report }) => report) }),
    ...(left > 0 && { unreported: left }),
  };
}

/** Why it was undone. That a person decided it nobody but the agent says, and so the words do. */
export function undoneWords(agent: PrincipalId, { by, because }: Pick<UndoneAway, 'by' | 'because'>): string {
  const decided = by === 'agent' ? 'by itself' : `which says that ${by} decided it`;
  return `undone by ${agent} while the server was away, ${decided}: ${because}`.slice(0, 1000).toWellFormed();
}

/** Of what the agent brought back and what was decided here meanwhile, the wider; what neither names alone, the cell. */
function widest(state: Rollout, cell: CellPlan, told: Scope, begun: number): Scope {
  const here = state.undo?.scope;
  if (here === undefined || same(here, told) || (isWhole(cell, told, begun) && !isWhole(cell, here, begun)))
    return told;
  if (isWhole(cell, here, begun)) return here;
  return { kind: 'cell', wave: told.wave, cell: cell.cell };
}

/** More tenants than an entry can name are undone as their cell: wider, and never forward. */
function bounded(scope: Scope, { cell }: CellPlan): Scope {
  if (JSON.stringify(scope).length <= ROOM) return scope;
  return { kind: 'cell', wave: scope.wave, cell };
}

/** What the agent itself may have carried out: not what takes an approver, whom it can't ask. */
function carriedOut(theirs: readonly UndoStep[], { steps }: UndoneAway): readonly UndoStep[] {
  const next = theirs[steps.length];
  const begun = next?.action.kind === 'hold' && next.approver === undefined ? 1 : 0;
  return theirs.slice(0, steps.length + begun);
}

/** How many of the first steps of an undo were carried out as they stand, and proved it. */
function alike(theirs: readonly UndoStep[], ours: readonly UndoStep[], { steps }: UndoneAway): number {
  let count = 0;
  for (const [i, step] of ours.entries()) {
    const done = steps[i];
    if (done === undefined || done.id !== step.id || theirs[i] === undefined) break;
    if (JSON.stringify(theirs[i]?.action) !== JSON.stringify(step.action)) break;
    if (provenOutcome(step.action, { kind: 'done', result: done.result }).kind !== 'done') break;
    count++;
  }
  return count;
}

function same(a: Scope, b: Scope): boolean {
  return (
    a.kind === b.kind && a.wave === b.wave && a.cell === b.cell && (a.tenants ?? []).join() === (b.tenants ?? []).join()
  );
}
