/**
 * What an agent and a person may do to a rollout: lease the step on offer, settle it, answer a question. Each is judged
 * on today's facts, and an answer that comes too late changes nothing.
 */

import type { Principal } from '../access/access.ts';
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { Outcome, StepResult } from '../model/outcome.ts';
import { accepted, type Decided, refused } from '../model/refusal.ts';
import { cut } from '../model/text.ts';
import type { CellPlan, Step } from '../plan/plan.ts';
import { named } from '../plan/render-words.ts';
import {
  closedGate,
  failed,
  givenUp,
  heldFor,
  nextOfRollout,
  type RolloutFacts,
  stepAtHand,
  toLoseAgain,
  waiting,
} from './decide.ts';
import type { RolloutAnswer, RolloutEvent } from './events.ts';
import { ASK_MS } from './looks.ts';
import { provenOutcome } from './outcome-rules.ts';
import type { Rollout } from './state.ts';
import { mayBeHeld, noted, triedBy } from './tried.ts';

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
    const closed = closedGate(facts, state, step as Step);
    if (closed !== undefined)
      return heldFor(state, facts.cell) === undefined
        ? accepted(waiting(closed.reason, facts.course.until, closed.lookAt))
        : accepted(givenUp(state, step, closed.reason, facts));
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
        data: { step: step.id, n, result: dated(outcome.result, now), until, lookAt: now },
      });
    case 'waiting': {
      if (outcome.reason === 'ask')
        return accepted({
          type: 'rollout.asked',
          data: {
            step: step.id,
            question: `step ${step.id} ended in a state that nobody knows`,
            until: now + ASK_MS,
          },
        });
      // An agent's wait is bounded by ours, whatever it asks for.
      const askedMs = Number.isFinite(outcome.untilMs) ? Math.max(0, outcome.untilMs) : 0;
      const lookAt = Math.max(now, Math.min(now + askedMs, now + ASK_MS, until));
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

/** An agent's clock may run ahead; it never dates a restore point after the moment at which we heard of it. */
function dated(result: StepResult, now: Instant): StepResult {
  const { restorePoint } = result;
  if (restorePoint === undefined || restorePoint.takenAt <= now) return result;
  return { ...result, restorePoint: { ...restorePoint, takenAt: now } };
}

/** The role that must agree before the step at hand runs; undefined when the question is another one. */
export function approverAsked(state: Rollout, cell: CellPlan): string | undefined {
  // Agreed to before, it failed and asks again: more is lost by now than was agreed to.
  if (state.phase !== 'asking' || state.undo === null) return undefined;
  const step = stepAtHand(state, cell);
  return step !== undefined && 'approver' in step ? step.approver : undefined;
}

/** Which question an answer is to: the step that it is about, and the last assignment when it was asked. Absent: whatever is asked. */
export interface AskedAbout {
  readonly step?: string;
  readonly asked?: number;
}

/**
 * A person answers what the rollout asked. What loses data is agreed to by its named approver alone. An answer that was sent
 * twice, or comes late, is none to the next question: also where the same step asks again, since it was carried out and failed.
 */
export function decideAnswer(
  state: Rollout,
  cell: CellPlan,
  by: Principal,
  now: Instant,
  answer: RolloutAnswer,
  reason = '',
  about: AskedAbout = {},
): Decided<RolloutEvent> {
  const what = `answer rollout ${state.id}`;
  const where = `rollout/${state.id}`;
  if (state.phase !== 'asking')
    return refused(
      'nothing-asked',
      what,
      where,
      `it is ${state.phase} and asks nothing`,
      state.phase === 'settled'
        ? `nothing here; \`headgate explain ${state.promotion}\` says how it ended, and what takes the cell on from there`
        : 'look at `headgate status`',
    );
  const { step: aboutStep = state.step, asked = state.n } = about;
  if (aboutStep !== state.step)
    return refused(
      'other-step',
      what,
      where,
      `it asks about ${state.step} by now, and the answer is to ${cut(aboutStep, 200)}`,
      `\`headgate explain ${state.promotion}\` says what it asks: answer that, if you mean it`,
    );
  if (asked !== state.n)
    return refused(
      'asked-anew',
      what,
      where,
      `${state.step} was handed out since, and it asks anew: ${cut(state.question, 300)}`,
      `\`headgate explain ${state.promotion}\` says what it asks by now: answer that, if you mean it`,
    );
  const approver = approverAsked(state, cell);
  if (approver !== undefined && answer === 'agree' && !by.roles.some((role) => role === approver))
    return refused(
      'not-the-approver',
      what,
      where,
      `${state.step} takes the agreement of its ${approver}`,
      `somebody with the role ${approver}`,
    );
  // It is tried again with a new yes alone, so it is asked anew; that it was tried before is not forgotten by that.
  if (approver !== undefined && answer === 'retry' && state.undo?.agreed === true) {
    const question = toLoseAgain(approver, state);
    // It asks for that already.
    if (question === state.question) return accepted();
    return accepted({ type: 'rollout.asked', data: { step: state.step, question, until: now + ASK_MS } });
  }
  if (answer === 'decline') return decline(state, cell, approver, now, reason);
  return accepted({ type: 'rollout.answered', data: { step: state.step, answer, until: now + ASK_MS, lookAt: now } });
}

/**
 * A person says no to losing data: the cell stays as it stands, and is not asked about again. What was carried out of the
 * undo stays; the rest of it, which comes after that step, is left out.
 */
function decline(
  state: Extract<Rollout, { phase: 'asking' }>,
  cell: CellPlan,
  approver: string | undefined,
  now: Instant,
  reason: string,
): Decided<RolloutEvent> {
  const { id, undo, begun, step } = state;
  const no = (code: string, why: string, unblock: string) =>
    refused(code, `answer rollout ${id}`, `rollout/${id}`, why, unblock);
  if (approver === undefined || undo === null)
    return no('nothing-to-decline', 'it asks nobody to lose data', `\`headgate answer ${id} retry\``);
  if (reason.trim() === '')
    return no('no-reason', 'nobody said why it is declined', `\`headgate answer ${id} decline --reason "…"\``);
  // Agreed to before, the step may have had its effect, whatever was heard of it since.
  const held = mayBeHeld(cell.steps.slice(0, begun), state, cell);
  if (held.size > 0)
    return no(
      'tenant-held',
      `${named([...held])} may be held, and nobody would open them again`,
      `\`headgate answer ${id} agree\``,
    );
  const because = cut(reason, 1000);
  return accepted(
    {
      type: 'rollout.answered',
      data: { step, answer: 'decline', because, ...noted(triedBy(state, cell)), until: now + ASK_MS, lookAt: now },
    },
    { type: 'rollout.settled', data: { result: 'kept' } },
  );
}
