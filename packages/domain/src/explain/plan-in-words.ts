/**
 * A plan in words, a piece at a time, for faces that can't show 10,000 tenants at once: its outline, the steps of one cell
 * with where they stand, and what a rollback of everything would do from here. The words are those of `render.ts`.
 */
import type { Instant } from '../model/identity.ts';
import type { Activation } from '../model/release.ts';
import { isActivation } from '../plan/activation.ts';
import { lossOf } from '../plan/loss.ts';
import type { Action, CellPlan, Plan, Step } from '../plan/plan.ts';
import { keptText, LOOKS, noReturnText, SCOPES, standsText } from '../plan/render.ts';
import { actionText, named } from '../plan/render-words.ts';
import { type TwoDecisions, twoDecisions } from '../plan/two-decisions.ts';
import { tenantsInScope, type UndoStep, undoSteps } from '../plan/undo.ts';
import type { Rollout } from '../rollout/state.ts';

export interface OutlineCell {
  readonly cell: string;
  readonly from: string;
  readonly to: string;
  /** Tenants that the wave moves or holds here. */
  readonly tenants: number;
  readonly who: string;
  readonly steps: number;
}

export interface PlanOutline {
  readonly risk: Pick<Plan['risk'], 'level' | 'because'>;
  readonly pointOfNoReturn: Plan['pointOfNoReturn'];
  /** The same in words, where there is none, too. */
  readonly noReturn: string;
  readonly rollback: string;
  /** How the application goes back, and how the data: two decisions. */
  readonly goingBack: TwoDecisions;
  readonly gates: readonly { readonly gate: string; readonly stands: string }[];
  /** What stays closed on the release until everybody is on it. Absent: nothing. */
  readonly activates?: readonly Activation[];
  readonly waves: readonly {
    readonly n: number;
    readonly ring: string;
    readonly soakMs: number;
    /** Nobody moves in it: what the release brings is activated. */
    readonly activates?: true;
    readonly cells: readonly OutlineCell[];
  }[];
}

/** A plan without its steps. */
export function planOutline(plan: Plan): PlanOutline {
  const { risk, pointOfNoReturn, rollbackScope } = plan;
  const { level, because } = risk;
  return {
    risk: { level, because },
    pointOfNoReturn,
    noReturn: noReturnText(plan),
    rollback: SCOPES[rollbackScope],
    goingBack: twoDecisions(plan),
    gates: plan.gates.map((gate) => ({ gate: gate.gate, stands: standsText(gate, plan) })),
    ...(plan.activates !== undefined && { activates: plan.activates }),
    waves: plan.waves.map(({ n, ring, soakMs, activates }) => ({
      n,
      ring,
      soakMs,
      ...(activates && { activates }),
      cells: plan.cells.flatMap((cell) => {
        const steps = cell.steps.filter((step) => step.wave === n);
        return steps.length === 0 ? [] : [outlineCell(cell, steps)];
      }),
    })),
  };
}

function outlineCell({ cell, slot }: CellPlan, steps: readonly Step[]): OutlineCell {
  const who = [...new Set(steps.flatMap((step) => whomOf(step)))];
  return { cell, from: slot.from, to: slot.to, tenants: who.length, who: named(who), steps: steps.length };
}

function whomOf(step: Step): readonly string[] {
  if (isActivation(step)) return step.action.tenants;
  return takes(step.action) ? step.action.tenants : [];
}

function takes(action: Action): action is Extract<Action, { kind: 'route' | 'hold' }> {
  return action.kind === 'route' || action.kind === 'hold';
}

/** `begun`: it may have had an effect, and nobody carries it out now. `left`: it ended, or the way back began, before its turn. */
export type StepStands = 'done' | 'at-hand' | 'begun' | 'ahead' | 'left';

export interface StepInWords {
  readonly id: string;
  readonly course: 'forward' | 'undo';
  /** Null for steps of an undo. */
  readonly wave: number | null;
  readonly text: string;
  /** What undoes it; or, with `kept`, why what it did stays. Absent for what undoes nothing. */
  readonly undo?: string;
  readonly kept?: string;
  /** Whose yes it takes first. */
  readonly approver?: string;
  readonly stands: StepStands;
}

/** The steps of one cell in order, forward and then back once that was decided. `ended`: the promotion has. */
export function stepsInWords(cell: CellPlan, rollout: Rollout | undefined, ended = false): readonly StepInWords[] {
  const back = rollout?.undo ?? null;
  const forward = cell.steps.map((step, i): StepInWords => {
    const { id, wave } = step;
    const over = ended || back !== null || rollout?.phase === 'settled';
    const stands = over ? (i < (rollout?.begun ?? 0) ? 'begun' : 'left') : i === rollout?.cursor ? 'at-hand' : 'ahead';
    const done = i < (rollout?.cursor ?? 0) ? 'done' : stands;
    return { id, course: 'forward', wave, text: actionText(step.action), ...undoWords(step), stands: done };
  });
  if (rollout === undefined || back === null) return forward;
  const undoing = undoSteps(cell, back.scope, rollout.begun).map(
    (step, i): StepInWords => ({
      ...wordsOf(step),
      course: 'undo',
      wave: null,
      stands: i < back.cursor || rollout.phase === 'settled' ? 'done' : i === back.cursor ? 'at-hand' : 'ahead',
    }),
  );
  return [...forward, ...undoing];
}

function undoWords({ action, undo }: Step): Pick<StepInWords, 'undo' | 'kept' | 'approver'> {
  if (undo.kind === 'keep') return LOOKS.has(action.kind) ? {} : { kept: keptText(action, undo.because) };
  return { undo: actionText(undo.action), ...(undo.approver === undefined ? {} : { approver: undo.approver }) };
}

function wordsOf({ id, action, approver }: UndoStep) {
  return { id, text: actionText(action), ...(approver === undefined ? {} : { approver }) };
}

export interface WayBackCell {
  readonly cell: string;
  /** Tenants that go back, or are opened where they are. */
  readonly tenants: number;
  readonly who: string;
  readonly steps: readonly { readonly id: string; readonly text: string; readonly approver?: string }[];
  /** What is lost on the way, in words, as far as it is known; empty when nothing is. */
  readonly loses: readonly string[];
  /** What no way back undoes: what was activated, by what customers may have done with it since. */
  readonly stays: readonly string[];
  /** What becomes of each store that a begun step migrated: a decision of its own, where it would lose anything. */
  readonly data: readonly StoreBack[];
}

/** What a rollback comes to in one store. */
export interface StoreBack {
  readonly store: string;
  readonly way: 'keep-schema' | 'undo-migration' | 'restore';
  readonly words: string;
  /** The step before which it waits for a yes, and whose; absent: it loses nothing, and asks nobody. */
  readonly asks?: { readonly step: string; readonly approver: string };
}

/** What a person's rollback, which is always of everything, would do from here; cells that it leaves alone aren't told. */
export function wayBack(
  plan: Plan,
  rollouts: ReadonlyMap<string, Rollout>,
  wave: number,
  now: Instant,
): readonly WayBackCell[] {
  return plan.cells.flatMap((cell) => {
    const rollout = rollouts.get(cell.cell);
    if (rollout === undefined) return [];
    const scope = { kind: 'all', wave } as const;
    const steps = undoSteps(cell, scope, rollout.begun);
    if (steps.length === 0) return [];
    const who = tenantsInScope(cell, scope, rollout.begun);
    const loses = steps.flatMap((step) => {
      const lost = lossOf(step, cell, rollout.restorePoints, now);
      return lost === undefined ? [] : [`${actionText(step.action)}: ${lost}`];
    });
    const told = { cell: cell.cell, tenants: who.length, who: named(who), steps: steps.map(wordsOf), loses };
    const begun = cell.steps.slice(0, rollout.begun);
    const data = begun.flatMap((step) => storeBack(step, cell, steps));
    return [{ ...told, stays: staysDone(plan, begun), data }];
  });
}

/** What was done by operations that these steps activated. */
function staysDone({ activates = [] }: Plan, begun: readonly Step[]): readonly string[] {
  const whom = begun.filter(isActivation).flatMap(({ action }) => action.tenants);
  if (whom.length === 0) return [];
  return activates.map(
    ({ operation, because }) => `what ${named(whom)} did by ${operation} since it was activated stays done: ${because}`,
  );
}

function storeBack(step: Step, cell: CellPlan, back: readonly UndoStep[]): readonly StoreBack[] {
  const { action, undo } = step;
  if (action.kind !== 'migrate') return [];
  const { store } = action;
  const own = back.find(({ id }) => id === `undo.${step.id}`);
  if (own === undefined) {
    const because = undo.kind === 'keep' ? keptText(action, undo.because) : 'others live there who don’t go back';
    return [{ store, way: 'keep-schema', words: `stays at schema ${action.to}: ${because}` }];
  }
  // A tenant's own store is asked about before they are held again.
  const open = cell.steps.find((each) => each.action.kind === 'open' && each.of?.[0] === step.of?.[0]);
  const first = back.find(({ id }) => step.of !== undefined && id === `undo.${open?.id}`);
  const asking = [own, first].find((each) => each?.approver !== undefined);
  const way = own.action.kind === 'restore' ? 'restore' : 'undo-migration';
  const asks = asking?.approver !== undefined && { asks: { step: asking.id, approver: asking.approver } };
  return [{ store, way, words: actionText(own.action), ...asks }];
}
