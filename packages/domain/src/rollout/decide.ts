/**
 * What a rollout does next, and what may be done to it. Pure: the plan, the promotion's course and everything that gates
 * judge come in as facts.
 */
import { judgeGates } from '../gates/catalog.ts';
import { type GateFacts, goesOn } from '../gates/gate.ts';
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { Outcome } from '../model/outcome.ts';
import { accepted, type Decided, refused } from '../model/refusal.ts';
import type { Action, CellPlan, Plan, Step } from '../plan/plan.ts';
import { isWhole, type Scope, type UndoStep, undoSteps } from '../plan/undo.ts';
import type { RolloutEvent } from './events.ts';
import { provenOutcome } from './outcome-rules.ts';
import type { Rollout } from './state.ts';

/** How long an offer stands before it is made anew under a new fence. Milliseconds. */
export const OFFER_MS = 300_000;
/** How long a person has to answer before the undo tries again by itself. Milliseconds. */
export const ASK_MS = 3_600_000;
/** How a rollout says that it has undone what the scope named, while other tenants of its cell stay on the release. */
export const REST_WAITS = 'the rest of the cell waits for the decision to keep it or to bring it back';
/** How often a closed gate is asked again when it gives no time itself. Milliseconds. */
export const LOOK_MS = 5_000;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;

/** The promotion's word to its rollouts. */
export interface Course {
  /** `close`: the promotion ended well, so the rollout may let go of its cell. */
  readonly kind: 'forward' | 'hold' | 'undo' | 'keep' | 'close';
  readonly openWave: number;
  readonly scope?: Scope;
  readonly because?: string;
  readonly until: Instant;
}

export interface RolloutFacts {
  readonly now: Instant;
  /** When the row is due: for a leased step, the end of its lease. */
  readonly dueAt: Instant | null;
  readonly plan: Plan;
  readonly cell: CellPlan;
  readonly course: Course;
  readonly gates: GateFacts;
}

/** Events to append; with none, when to look again (null: only when woken). */
export interface Decision<E> {
  readonly events: readonly E[];
  readonly lookAt: Instant | null;
}

const act = (...events: RolloutEvent[]): Decision<RolloutEvent> => ({ events, lookAt: null });
const wait = (lookAt: Instant | null): Decision<RolloutEvent> => ({ events: [], lookAt });

/** The step at hand, forward or undo; undefined when there is none left. */
export function stepAtHand(state: Rollout, cell: CellPlan): Step | UndoStep | undefined {
  return state.undo === null
    ? cell.steps[state.cursor]
    : undoSteps(cell, state.undo.scope, state.begun)[state.undo.cursor];
}

export function nextOfRollout(state: Rollout, facts: RolloutFacts): Decision<RolloutEvent> {
  const { now, course } = facts;
  if (state.phase === 'settled') return wait(null);
  if (course.kind === 'undo' && course.scope !== undefined && !sameScope(state.undo?.scope, course.scope)) {
    // A rollout that failed outside the scope stays failed, so that the promotion sees it and widens the scope.
    const unseen = state.phase === 'failed' && state.undo === null && !isWhole(facts.cell, course.scope, state.begun);
    if (!unseen) return beginUndo(state, facts, course.scope);
  }
  switch (state.phase) {
    case 'waiting':
      return now < state.notBefore ? wait(state.notBefore) : offerNext(state, facts);
    case 'offered':
      if (state.undo === null && course.kind !== 'forward')
        return act(waiting('the promotion is on hold', course.until, now + LOOK_MS));
      return now < state.until ? wait(state.until) : offerNext(state, facts);
    case 'leased':
      return facts.dueAt !== null && now < facts.dueAt && now < state.until
        ? wait(Math.min(facts.dueAt, state.until))
        : loseLease(state, facts);
    case 'failed':
      // The promotion decides; this row has nothing to do but to be found.
      return wait(now < state.until ? state.until : now + LOOK_MS);
    case 'asking': {
      if (now < state.until) return wait(state.until);
      // Nobody answered. Forward, that is a failure like any other; an undo tries again, since stopping half way helps nobody.
      const until = state.undo === null ? course.until : now + ASK_MS;
      if (state.undo === null)
        return act({
          type: 'rollout.step-failed',
          data: {
            step: state.step,
            n: state.n,
            code: 'unknown',
            why: `nobody answered: ${state.question}`,
            after: 'decide',
            tenants: [],
            until,
            lookAt: now,
          },
        });
      const step = stepAtHand(state, facts.cell);
      if (step !== undefined && 'approver' in step && step.approver !== undefined && !state.undo.agreed) {
        return act({ type: 'rollout.asked', data: { step: step.id, question: state.question, until } });
      }
      return act({ type: 'rollout.answered', data: { step: state.step, answer: 'retry', until, lookAt: now } });
    }
  }
}

function beginUndo(state: Rollout, facts: RolloutFacts, scope: Scope): Decision<RolloutEvent> {
  const because = facts.course.because ?? 'the promotion rolls back';
  const events: RolloutEvent[] = [];
  // The running step loses its lease: what it still does is fenced off by the undo's higher fence.
  if (state.phase === 'leased')
    events.push({
      type: 'rollout.lease-lost',
      data: { step: state.step, n: state.n, why: 'revoked', lookAt: facts.now, until: facts.course.until },
    });
  events.push({ type: 'rollout.undo-begun', data: { scope, because, until: facts.now + ASK_MS, lookAt: facts.now } });
  return act(...events);
}

function offerNext(state: Rollout, facts: RolloutFacts): Decision<RolloutEvent> {
  const { now, course, cell } = facts;
  const step = stepAtHand(state, cell);
  if (state.undo !== null) {
    if (step === undefined) return endOfUndo(state, facts);
    if ('approver' in step && step.approver !== undefined && !state.undo.agreed) {
      return act({
        type: 'rollout.asked',
        data: {
          step: step.id,
          question: `${step.approver} must agree to ${step.id}: it loses data`,
          until: now + ASK_MS,
        },
      });
    }
    return act(offer(state, step, now + OFFER_MS));
  }
  if (step === undefined) {
    // It keeps the cell until the whole promotion ended: until then another cell's failure may bring this one back too.
    if (course.kind === 'close' || course.kind === 'keep')
      return act({ type: 'rollout.settled', data: { result: 'completed' } });
    return waitFor(state, 'the other cells are not done', course.until, now);
  }
  if (course.kind === 'keep') return act({ type: 'rollout.settled', data: { result: 'kept' } });
  if (course.kind !== 'forward') return waitFor(state, 'the promotion is on hold', course.until, now);
  const { wave } = step as Step;
  if (wave > course.openWave) return waitFor(state, `wave ${wave} is not open`, course.until, now);
  const closed = closedGate(facts, state, step.action);
  if (closed !== undefined) return waitFor(state, closed.reason, course.until, now, closed.lookAt);
  return act(offer(state, step, Math.min(now + OFFER_MS, course.until)));
}

function endOfUndo(state: Rollout, facts: RolloutFacts): Decision<RolloutEvent> {
  const { course, cell, now } = facts;
  if (state.undo === null) throw new Error('endOfUndo is for undos');
  if (isWhole(cell, state.undo.scope, state.begun)) return act({ type: 'rollout.settled', data: { result: 'undone' } });
  if (course.kind === 'keep') return act({ type: 'rollout.settled', data: { result: 'kept' } });
  return waitFor(state, REST_WAITS, course.until, now);
}

function loseLease(state: Extract<Rollout, { phase: 'leased' }>, facts: RolloutFacts): Decision<RolloutEvent> {
  const { now, course } = facts;
  const step = stepAtHand(state, facts.cell);
  const until = state.undo === null ? course.until : now + ASK_MS;
  if (step !== undefined && state.attempt + 1 >= step.attempts) {
    return act(failed(state, step, 'expired', `its lease ran out ${state.attempt + 1} times`, until, now));
  }
  return act({
    type: 'rollout.lease-lost',
    data: { step: state.step, n: state.n, why: 'expired', lookAt: now, until },
  });
}

/** An agent asks for the step on offer. The gates are judged again at this very moment. */
export function decideLease(
  state: Rollout,
  facts: RolloutFacts,
  agent: PrincipalId,
  leaseMs: number,
): Decided<RolloutEvent> {
  const what = `lease a step of rollout ${state.id}`;
  if (state.phase !== 'offered')
    return refused('nothing-offered', what, `rollout/${state.id}`, `it is ${state.phase}`, 'ask again later');
  const due = nextOfRollout(state, facts);
  if (due.events.length > 0) return accepted(...due.events);
  const step = stepAtHand(state, facts.cell);
  if (step === undefined || step.id !== state.step)
    return refused(
      'nothing-offered',
      what,
      `rollout/${state.id}`,
      'the offered step is not at hand any more',
      'ask again later',
    );
  if (state.undo === null) {
    const closed = closedGate(facts, state, step.action);
    if (closed !== undefined) return accepted(waiting(closed.reason, facts.course.until, closed.lookAt));
  }
  return accepted({
    type: 'rollout.leased',
    data: { step: step.id, n: state.n, agent, leaseMs, until: facts.now + step.timeoutMs },
  });
}

/** Whether a lease may be renewed: by its holder, for the same assignment, before the step's deadline. */
export function mayRenew(state: Rollout, agent: PrincipalId, n: number, now: Instant): boolean {
  return state.phase === 'leased' && state.agent === agent && state.n === n && now < state.until;
}

/** An agent answers for its assignment. A late answer, or one for another assignment, is refused: the step goes on without it. */
export function decideSettle(
  state: Rollout,
  facts: RolloutFacts,
  agent: PrincipalId,
  n: number,
  claimed: Outcome,
): Decided<RolloutEvent> {
  const what = `settle assignment ${n} of rollout ${state.id}`;
  if (state.phase !== 'leased' || state.n !== n)
    return refused(
      'fenced',
      what,
      `rollout/${state.id}`,
      'another assignment has taken its place',
      'nothing: drop the outcome and lease anew',
    );
  if (state.agent !== agent)
    return refused(
      'not-yours',
      what,
      `rollout/${state.id}`,
      `it is leased by ${state.agent}`,
      'nothing: drop the outcome',
    );
  const step = stepAtHand(state, facts.cell);
  if (step === undefined)
    return refused('fenced', what, `rollout/${state.id}`, 'no step is at hand', 'nothing: drop the outcome');
  const { now, course } = facts;
  const until = state.undo === null ? course.until : now + ASK_MS;
  const outcome = provenOutcome(step.action, claimed);
  switch (outcome.kind) {
    case 'done':
      return accepted({
        type: 'rollout.step-done',
        data: { step: step.id, n, result: outcome.result, until, lookAt: now },
      });
    case 'waiting': {
      if (outcome.reason === 'ask')
        return accepted({
          type: 'rollout.asked',
          data: {
            step: step.id,
            question: `step ${step.id} ended in a state that nobody knows`,
            until: Math.min(now + ASK_MS, until),
          },
        });
      const lookAt = now + Math.max(0, outcome.untilMs);
      return accepted({
        type: 'rollout.step-waits',
        data: { step: step.id, n, reason: outcome.reason, until, lookAt },
      });
    }
    case 'failed': {
      const event = failed(state, step, outcome.code, outcome.why, until, now);
      const culprit = outcome.result?.checks?.firstFailure?.tenant;
      const tenants = culprit === undefined ? [] : [culprit];
      return accepted(
        outcome.result === undefined ? event : { ...event, data: { ...event.data, tenants, result: outcome.result } },
      );
    }
  }
}

/** A person answers what the rollout asked. */
export function decideAnswer(state: Rollout, now: Instant, answer: 'agree' | 'retry'): Decided<RolloutEvent> {
  if (state.phase !== 'asking')
    return refused(
      'nothing-asked',
      `answer rollout ${state.id}`,
      `rollout/${state.id}`,
      `it is ${state.phase} and asks nothing`,
      'look at `headgate status`',
    );
  return accepted({ type: 'rollout.answered', data: { step: state.step, answer, until: now + ASK_MS, lookAt: now } });
}

type FailedEvent = Extract<RolloutEvent, { type: 'rollout.step-failed' }>;

/** A transient failure is tried again while attempts last; then forward asks the promotion, undo asks a person. */
function failed(
  state: Rollout,
  step: Step | UndoStep,
  code: FailedEvent['data']['code'],
  why: string,
  until: Instant,
  now: Instant,
): FailedEvent {
  const again = (code === 'transient' || code === 'expired' || code === 'fenced') && state.attempt + 1 < step.attempts;
  const lookAt = now + Math.min(BACKOFF_MS * 2 ** state.attempt, BACKOFF_MAX_MS);
  const after = again ? 'retry' : state.undo !== null || code === 'unknown' ? 'ask' : 'decide';
  return {
    type: 'rollout.step-failed',
    data: {
      step: step.id,
      n: state.n,
      code,
      why: why.slice(0, 1000),
      after,
      tenants: [],
      until: after === 'ask' ? now + ASK_MS : until,
      lookAt,
    },
  };
}

function closedGate(
  facts: RolloutFacts,
  state: Rollout,
  action: Action,
): { reason: string; lookAt: Instant } | undefined {
  const verdicts = judgeGates(
    facts.plan.gates,
    { ...facts.gates, restorePoints: state.restorePoints },
    { kind: 'step', action },
  );
  const closed = verdicts.find((v) => !goesOn(v));
  return closed === undefined
    ? undefined
    : { reason: `gate ${closed.gate}: ${closed.verdict}`, lookAt: closed.askAgainAt ?? facts.now + LOOK_MS };
}

function offer(state: Rollout, step: Step | UndoStep, until: Instant): RolloutEvent {
  return { type: 'rollout.offered', data: { step: step.id, n: state.n + 1, until } };
}

function waiting(reason: string, until: Instant, lookAt: Instant): RolloutEvent {
  return { type: 'rollout.waiting', data: { reason, until, lookAt } };
}

/** A wait is an event once; looking again at the same closed door isn't news. */
function waitFor(
  state: Rollout,
  reason: string,
  until: Instant,
  now: Instant,
  lookAt = Math.max(until, now + LOOK_MS),
): Decision<RolloutEvent> {
  if (state.phase === 'waiting' && state.reason === reason && state.until === until) return wait(lookAt);
  return act(waiting(reason, until, lookAt));
}

function sameScope(a: Scope | undefined, b: Scope): boolean {
  return (
    a !== undefined &&
    a.kind === b.kind &&
    a.wave === b.wave &&
    a.cell === b.cell &&
    (a.tenants ?? []).join() === (b.tenants ?? []).join()
  );
}

/** When the row is due for this state. The holder's renewals postpone a leased row; everything else stands in the state. */
export function dueOfRollout(state: Rollout, now: Instant): Instant | null {
  switch (state.phase) {
    case 'waiting':
      return state.lookAt;
    case 'leased':
      return Math.min(now + state.leaseMs, state.until);
    case 'offered':
    case 'failed':
    case 'asking':
      return state.until;
    case 'settled':
      return null;
  }
}
