/**
 * What a rollout does next, and what may be done to it. Pure: the plan, the promotion's course and everything that gates
 * judge come in as facts.
 */
import { judgeGates } from '../gates/catalog.ts';
import { type GateFacts, goesOn, type Subject } from '../gates/gate.ts';
import type { Instant } from '../model/identity.ts';
import { cut } from '../model/text.ts';
import { lossOf } from '../plan/loss.ts';
import { askedBefore } from '../plan/no-return.ts';
import type { CellPlan, Plan, Step } from '../plan/plan.ts';
import { named } from '../plan/render-words.ts';
import { answersFailure, heldTenants, isWhole, type Scope, scopeIn, type UndoStep, undoSteps } from '../plan/undo.ts';
import type { Unread } from '../recovery/unread.ts';
import type { RolloutEvent } from './events.ts';
import { ASK_MS, askAgain, type Decision, IDLE_LOOK_MS, LOOK_MS, lookBefore, OFFER_MS, retryAt } from './looks.ts';
import type { Rollout } from './state.ts';
import { mayBeHeld, noted, triedBy } from './tried.ts';

/** How a rollout says that it has undone what the scope named, while other tenants of its cell stay on the release. */
export const REST_WAITS = 'the rest of the cell waits for the decision to keep it or to bring it back';
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
  /** The control plane's epoch now; absent where nothing was ever restored. */
  readonly epoch?: number;
  /** The cell's last number, where that may be above the rollout's: an agent told of numbers that it took by itself. */
  readonly assigned?: number;
  /** Why nothing moves in this cell after a restore, before it is known what was done there. */
  readonly unread?: Unread | undefined;
}

const act = (...events: RolloutEvent[]): Decision<RolloutEvent> => ({ events, lookAt: null });
const wait = (lookAt: Instant | null): Decision<RolloutEvent> => ({ events: [], lookAt });

/** The step at hand, forward or undo; undefined when there is none left. */
export function stepAtHand(state: Rollout, cell: CellPlan): Step | UndoStep | undefined {
  return state.undo === null
    ? cell.steps[state.cursor]
    : undoSteps(cell, state.undo.scope, state.begun)[state.undo.cursor];
}

/** Whether a person let it stand half way back, before a step that loses data. What is merely kept has no such step left. */
export function isDeclined(state: Rollout, cell: CellPlan): boolean {
  if (state.phase !== 'settled' || state.result !== 'kept' || state.undo === null) return false;
  const step = stepAtHand(state, cell);
  return step !== undefined && 'approver' in step && step.approver !== undefined;
}

export function nextOfRollout(state: Rollout, facts: RolloutFacts): Decision<RolloutEvent> {
  const { now, course } = facts;
  if (state.phase === 'settled') return wait(null);
  if (facts.unread !== undefined) return waitForReading(state, facts, facts.unread);
  const scope = course.kind === 'undo' && course.scope !== undefined && scopeIn(course.scope, facts.cell.cell);
  if (scope && !undoes(state, facts.cell, scope)) {
    // A rollout that failed outside the scope stays failed, so that the promotion sees it and widens the scope.
    const unseen = state.phase === 'failed' && !answersFailure(scope, facts.cell, state);
    // Nor does a wider scope begin, which may ask a person about somebody else first, while whom the undo took is held.
    if (!unseen && !holdsSomebody(state, facts.cell)) return beginUndo(state, facts, scope);
  }
  switch (state.phase) {
    case 'waiting':
      return now < state.notBefore ? wait(lookBefore(state.notBefore, now)) : offerNext(state, facts);
    case 'offered':
      if (state.undo === null && course.kind !== 'forward') return offerNext(state, facts);
      return now < state.until ? wait(lookBefore(state.until, now)) : offerNext(state, facts);
    case 'leased':
      return facts.dueAt !== null && now < facts.dueAt && now < state.until
        ? wait(Math.min(facts.dueAt, state.until))
        : loseLease(state, facts);
    case 'failed':
      // The promotion decides; this row has nothing to do but to be found.
      return course.kind === 'keep' ? letGo(state, facts) : wait(now + IDLE_LOOK_MS);
    case 'asking': {
      // Whoever kept what is there has answered a forward step's question, too.
      if (state.undo === null && course.kind === 'keep') return letGo(state, facts);
      if (now < state.until) return wait(lookBefore(state.until, now));
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
      // Agreed to before, it stays so: that it was tried is not to be forgotten by whoever declines it now.
      if (step !== undefined && 'approver' in step && step.approver !== undefined) {
        const question = state.undo.agreed ? toLoseAgain(step.approver, state) : state.question;
        return act({ type: 'rollout.asked', data: { step: step.id, question, until } });
      }
      return act({ type: 'rollout.answered', data: { step: state.step, answer: 'retry', until, lookAt: now } });
    }
  }
}

/** Asks for the agreement to lose data, by its role; `loses` says which, as far as anybody knows. */
function toLose(approver: string, step: string, { tried }: Pick<Rollout, 'tried'> = {}, loses?: string): string {
  const asked = `${approver} must agree to ${step}: it loses data${loses === undefined ? '' : `, ${cut(loses, 600)}`}`;
  return tried?.includes(step) ? `${asked}; it was agreed to before, and may have been carried out` : asked;
}

/** The same of a step that was agreed to, and failed: it takes a new yes, and what went wrong stands beside it. */
export function toLoseAgain(
  approver: string,
  { step, question }: { readonly step: string; readonly question: string },
): string {
  const asked = toLose(approver, step);
  return question.startsWith(asked)
    ? question
    : `${asked}; it was agreed to and failed before: ${question}`.slice(0, 1000).toWellFormed();
}

/** What the rows say may be long past: nothing is handed out, and nothing decided, before the cell was read back. */
function waitForReading(state: Rollout, { now }: RolloutFacts, { why, until }: Unread): Decision<RolloutEvent> {
  switch (state.phase) {
    case 'waiting':
    case 'offered':
      return waitFor(state, why, until, now, now + LOOK_MS);
    default:
      // Whoever holds a lease of a forgotten past can't renew it, nor answer for it.
      return wait(now + LOOK_MS);
  }
}

/** What is kept as it is keeps nobody held: who may be goes back, or is opened if that had begun. */
function letGo(state: Rollout, facts: RolloutFacts): Decision<RolloutEvent> {
  const { course, cell } = facts;
  const away = heldFor(state, cell);
  if (away === undefined) return act({ type: 'rollout.settled', data: { result: 'kept' } });
  const nobodyElse: Scope = { kind: 'tenant', wave: course.openWave, cell: cell.cell, tenants: [] };
  return beginUndo(state, facts, nobodyElse, `what is there is kept, and ${named(away)} may be held`);
}

function beginUndo(
  state: Rollout,
  facts: RolloutFacts,
  scope: Scope,
  because = facts.course.because ?? 'the promotion rolls back',
): Decision<RolloutEvent> {
  const events: RolloutEvent[] = [];
  // The running step loses its lease: what it still does is fenced off by the undo's higher fence.
  if (state.phase === 'leased')
    events.push({
      type: 'rollout.lease-lost',
      data: { step: state.step, n: state.n, why: 'revoked', lookAt: facts.now, until: facts.course.until },
    });
  const begun = begunAtMost(state, facts.cell, facts.course.openWave, facts.epoch);
  const tried = noted(triedBy(state, facts.cell));
  const data = { scope, because, ...tried, until: facts.now + ASK_MS, lookAt: facts.now };
  events.push({ type: 'rollout.undo-begun', data: begun > state.begun ? { ...data, begun } : data });
  return act(...events);
}

/**
 * How many forward steps may have had an effect. A rollout that was opened before the control plane was restored may have
 * come farther than it knows: everything in the open waves may have been begun, and undoing too much is harmless.
 */
export function begunAtMost(state: Rollout, cell: CellPlan, openWave: number, epoch = state.epoch): number {
  if (epoch <= state.epoch) return state.begun;
  return Math.max(state.begun, cell.steps.filter((step) => step.wave <= openWave).length);
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
          question: toLose(step.approver, step.id, state, lossOf(step, cell, state.restorePoints, now)),
          until: now + ASK_MS,
        },
      });
    }
    return act(offer(state, facts, step, now + OFFER_MS));
  }
  if (step === undefined) {
    // It keeps the cell until the whole promotion ended: until then another cell's failure may bring this one back too.
    if (course.kind === 'close' || course.kind === 'keep')
      return act({ type: 'rollout.settled', data: { result: 'completed' } });
    return waitFor(state, 'the other cells are not done', course.until, now);
  }
  if (course.kind === 'keep') return letGo(state, facts);
  const away = heldFor(state, cell);
  if (away !== undefined && now >= facts.plan.latestFinish)
    return act(givenUp(state, step, 'the latest finish has passed', facts));
  if (course.kind !== 'forward') {
    // A person's pause keeps a tenant held for as long as it lasts, and says so.
    const meanwhile = away === undefined ? '' : `, and ${named(away)} is held meanwhile`;
    return waitFor(state, `the promotion is on hold${meanwhile}`, course.until, now);
  }
  // The promotion has not looked yet, and must: no forward step starts after the latest finish.
  if (now >= course.until) return waitFor(state, 'the latest finish has passed', course.until, now);
  const { wave } = step as Step;
  if (wave > course.openWave) return waitFor(state, `wave ${wave} is not open`, course.until, now);
  const closed = closedGate(facts, state, step as Step);
  if (closed !== undefined)
    return away === undefined
      ? waitFor(state, closed.reason, course.until, now, closed.lookAt)
      : act(givenUp(state, step, closed.reason, facts));
  return act(offer(state, facts, step, Math.min(now + OFFER_MS, course.until)));
}

/**
 * Who may be held while a rollout goes forward. A step whose lease was lost may have had its effect, or none: whom it holds
 * counts as held, and whom it opens as well. Undefined: nobody.
 */
export function heldFor({ cursor, begun }: Rollout, cell: CellPlan): readonly string[] | undefined {
  const held = new Set([...heldTenants(cell, cursor), ...heldTenants(cell, begun)]);
  return held.size === 0 ? undefined : [...held];
}

/**
 * Nobody's customers wait behind a closed gate: what would keep a held tenant held fails the step, and the tenant goes
 * back to where nothing was lost.
 */
export function givenUp(
  state: Rollout,
  step: Step | UndoStep,
  why: string,
  { now, course }: RolloutFacts,
): RolloutEvent {
  return failed(state, step, 'rejected', `${why}, and the tenant is held meanwhile`, course.until, now);
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

type FailedEvent = Extract<RolloutEvent, { type: 'rollout.step-failed' }>;

/** A transient failure is tried again while attempts last; then forward asks the promotion, undo asks a person. */
export function failed(
  state: Rollout,
  step: Step | UndoStep,
  code: FailedEvent['data']['code'],
  why: string,
  until: Instant,
  now: Instant,
): FailedEvent {
  const again = (code === 'transient' || code === 'expired' || code === 'fenced') && state.attempt + 1 < step.attempts;
  const after = again ? 'retry' : state.undo !== null || code === 'unknown' ? 'ask' : 'decide';
  return {
    type: 'rollout.step-failed',
    data: {
      step: step.id,
      n: state.n,
      code,
      why: why.slice(0, 1000).toWellFormed(),
      after,
      tenants: [],
      until: after === 'ask' ? now + ASK_MS : until,
      lookAt: retryAt(state.attempt, now),
    },
  };
}

/** What gates are asked about a forward step of a cell. */
export function subjectOf(cell: CellPlan, { id, action }: Step): Subject {
  return { kind: 'step', action, noReturn: askedBefore(cell)?.id === id };
}

export function closedGate(
  facts: RolloutFacts,
  state: Rollout,
  step: Step,
): { reason: string; lookAt: Instant } | undefined {
  const verdicts = judgeGates(
    facts.plan.gates,
    { ...facts.gates, restorePoints: state.restorePoints },
    subjectOf(facts.cell, step),
  );
  const closed = verdicts.find((v) => !goesOn(v));
  return closed === undefined
    ? undefined
    : { reason: `gate ${closed.gate}: ${closed.verdict}`, lookAt: askAgain(closed, facts.now) };
}

function offer(state: Rollout, { assigned = 0 }: RolloutFacts, step: Step | UndoStep, until: Instant): RolloutEvent {
  return { type: 'rollout.offered', data: { step: step.id, n: Math.max(state.n, assigned) + 1, until } };
}

export function waiting(reason: string, until: Instant, lookAt: Instant): RolloutEvent {
  return { type: 'rollout.waiting', data: { reason, until, lookAt } };
}

/** A wait is an event once; looking again at the same closed door isn't news. */
function waitFor(
  state: Rollout,
  reason: string,
  until: Instant,
  now: Instant,
  lookAt = lookBefore(Math.max(until, now + LOOK_MS), now),
): Decision<RolloutEvent> {
  if (state.phase === 'waiting' && state.reason === reason && state.until === until) return wait(lookAt);
  return act(waiting(reason, until, lookAt));
}

/** Whether the undo itself may hold somebody whom it has not opened yet: agreed to, its hold may have had its effect. */
function holdsSomebody(state: Rollout, cell: CellPlan): boolean {
  return mayBeHeld([], state, cell).size > 0;
}

/** Whether the rollout is undoing that scope, or the whole cell, which no scope can widen. */
function undoes(state: Rollout, cell: CellPlan, scope: Scope): boolean {
  return sameScope(state.undo?.scope, scope) || (state.undo !== null && isWhole(cell, state.undo.scope, state.begun));
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
