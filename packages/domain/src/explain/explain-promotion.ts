/**
 * What a promotion waits for, why, until when, and who can unblock it: as data, for `status`, `explain` and the API.
 * Gates are judged anew on the facts given, since the verdicts in the state are those of an earlier look.
 */
import { ACCESS } from '../access/access.ts';
import { judgeGates } from '../gates/catalog.ts';
import { type GateFacts, goesOn, type Subject, type Verdict } from '../gates/gate.ts';
import { POLICY } from '../gates/replaced-policy.ts';
import type { Instant } from '../model/identity.ts';
import { closedUntil } from '../plan/activation.ts';
import type { CellPlan, Plan, Step } from '../plan/plan.ts';
import { closedMeanwhile } from '../plan/read-only-window.ts';
import type { Promotion } from '../promotion/state.ts';
import { isObjected, type Objection, objectionReason, objectionUnblocks } from '../protocol/agent-pins.ts';
import { unreadReason } from '../recovery/unread.ts';
import { approverAsked } from '../rollout/assignment.ts';
import { stepAtHand, subjectOf } from '../rollout/decide.ts';
import type { Rollout } from '../rollout/state.ts';

/** Something that would end a wait. */
export interface Unblock {
  readonly what: string;
  /** Roles, or the thing that does it: `agent`, `time`, `headgate`. Never empty. */
  readonly who: readonly string[];
  /** When time alone may do it. */
  readonly at?: Instant;
}

/** One thing that is waited for. */
export interface Wait {
  /** `promotion/<id>` or `rollout/<id>`. */
  readonly where: string;
  readonly cell?: string;
  readonly step?: string;
  readonly why: string;
  /** The wait's deadline. */
  readonly until: Instant;
  /** What comes after it, if nobody did anything. */
  readonly after: string;
  readonly overdue: boolean;
  readonly unblock: readonly Unblock[];
}

export interface Explanation {
  readonly promotion: string;
  readonly phase: Promotion['phase'];
  /** One sentence. */
  readonly summary: string;
  /** The promotion's own first, then its rollouts' in the plan's order; empty once all ended. */
  readonly waits: readonly Wait[];
  /** Every gate before what comes next, as it stands now. */
  readonly gates: readonly Verdict[];
  /** What agents of its cells would refuse it for, by what they told. */
  readonly objections: readonly Objection[];
}

/** Explains a promotion. `rollouts` by cell; gates are judged on `facts`, whose `now` is the moment explained. */
export function explainPromotion(
  state: Promotion,
  rollouts: ReadonlyMap<string, Rollout>,
  plan: Plan,
  facts: GateFacts,
  objections: readonly Objection[] = [],
): Explanation {
  const { id: promotion, phase } = state;
  const gates = gatesAhead(state, plan, facts);
  const own = ownWait(state, gates, facts.now, objections);
  const theirs = plan.cells.flatMap((cell) => {
    const rollout = rollouts.get(cell.cell);
    return rollout === undefined || rollout.phase === 'settled' ? [] : [rolloutWait(rollout, cell, plan, facts)];
  });
  const waits = [...(own === undefined ? [] : [own]), ...theirs];
  return { promotion, phase, summary: summaryOf(state, own, gates), waits, gates, objections };
}

function gatesAhead(state: Promotion, plan: Plan, facts: GateFacts): readonly Verdict[] {
  if (state.phase !== 'awaiting') return [];
  return judgeGates(plan.gates, facts, { kind: 'wave', wave: state.wave + 1 });
}

function summaryOf(state: Promotion, own: Wait | undefined, gates: readonly Verdict[]): string {
  const waves = `wave ${state.wave} of ${state.waves}`;
  switch (state.phase) {
    case 'ended':
      return `It ended ${state.result}: ${state.because}.`;
    case 'awaiting': {
      // The wait says why, and a sentence of that length is read once.
      const closed = unblockUnread(state.reason) === undefined ? answerable(gates).map(({ gate }) => gate) : [];
      const why = closed.length === 0 ? (own?.why ?? state.reason) : `closed: ${closed.join(', ')}`;
      return `It waits to open wave ${state.wave + 1} of ${state.waves}: ${why}.`;
    }
    case 'advancing':
      return `It carries out ${waves}.`;
    case 'paused':
      return `It is paused in ${waves}: ${state.reason}.`;
    case 'held':
      return `It asks, in ${waves}: ${state.question}`;
    case 'undoing':
      return `It rolls back (${state.undo?.scope.kind ?? 'all'}): ${state.undo?.because ?? ''}.`;
  }
}

function ownWait(
  state: Promotion,
  gates: readonly Verdict[],
  now: Instant,
  objections: readonly Objection[],
): Wait | undefined {
  if (state.phase === 'ended') return undefined;
  const { until } = state;
  const base = { where: `promotion/${state.id}`, until, overdue: now >= until };
  switch (state.phase) {
    case 'awaiting': {
      const unread = unblockUnread(state.reason);
      const closed = unread === undefined ? answerable(gates) : [];
      // Told while the gates are closed, too: who approves should know what comes after that.
      const objected = unread === undefined && state.wave === 0 ? objections : [];
      const objects = objected.length > 0 ? [objectionReason(objected)] : [];
      const whys = [...closed.map((v) => `${v.gate}: ${v.because}`), ...objects];
      const pins = objectionUnblocks(objected).map((what) => ({ what, who: ['agent'] }));
      const unblock = [...closed.map(unblockOf), ...pins];
      const after = state.wave === 0 ? 'it expires, and nothing has changed' : 'it asks whether to keep or roll back';
      if (whys.length > 0) return { ...base, why: whys.join('; '), after, unblock };
      const other = isObjected(state.reason) ? [PIN] : [soon('wave')];
      return { ...base, why: state.reason, after, unblock: unread ?? other };
    }
    case 'advancing':
      return {
        ...base,
        why: `wave ${state.wave} is being carried out`,
        after: 'it asks whether to keep or roll back',
        unblock: [{ what: 'the steps of the wave', who: ['agent'] }],
      };
    case 'paused':
      return {
        ...base,
        why: state.reason,
        after: 'all that was moved is brought back',
        unblock: [
          { what: `\`headgate resume ${state.id}\``, who: ACCESS.resume },
          { what: `\`headgate rollback ${state.id} --reason "…"\``, who: ACCESS.rollback },
        ],
      };
    case 'held':
      return {
        ...base,
        why: state.question,
        after: 'all that was moved is brought back',
        unblock: [
          { what: `\`headgate keep ${state.id}\``, who: ACCESS.keep },
          { what: `\`headgate rollback ${state.id} --reason "…"\``, who: ACCESS.rollback },
        ],
      };
    case 'undoing':
      return {
        ...base,
        why: state.undo?.because ?? 'it rolls back',
        after: 'it is overdue, and goes on: an undo is never given up',
        unblock: [{ what: 'the steps of the undo', who: ['agent'] }],
      };
  }
}

/**
 * The closed gates that somebody can open. Once its policy was replaced none of the others is: it is asked for anew, and what
 * they ask for may stand in the policy that is in force.
 */
function answerable(gates: readonly Verdict[]): readonly Verdict[] {
  const closed = gates.filter((v) => !goesOn(v));
  const replaced = closed.find(({ gate }) => gate === POLICY);
  return replaced === undefined ? closed : [replaced];
}

function rolloutWait(
  rollout: Exclude<Rollout, { phase: 'settled' }>,
  cell: CellPlan,
  plan: Plan,
  facts: GateFacts,
): Wait {
  const wait = waitOf(rollout, cell, plan, facts);
  const later = rollout.undo === null ? closedUntil(cell, rollout.begun) : undefined;
  const closed = [closedMeanwhile(cell, rollout), later].filter((each) => each !== undefined);
  return closed.length === 0 ? wait : { ...wait, why: [wait.why, ...closed].join('; ') };
}

function waitOf(rollout: Exclude<Rollout, { phase: 'settled' }>, cell: CellPlan, plan: Plan, facts: GateFacts): Wait {
  const { now } = facts;
  const step = stepAtHand(rollout, cell);
  const { until } = rollout;
  const forward = rollout.undo === null;
  const base = {
    where: `rollout/${rollout.id}`,
    cell: rollout.cell,
    ...(step === undefined ? {} : { step: step.id }),
    until,
    overdue: now >= until,
  };
  switch (rollout.phase) {
    case 'waiting': {
      const after = forward ? 'the promotion asks whether to keep or roll back' : 'it is overdue, and goes on';
      const unread = unblockUnread(rollout.reason);
      if (unread !== undefined) return { ...base, why: rollout.reason, after: 'a person may answer', unblock: unread };
      const closed =
        forward && step !== undefined && isGate(rollout.reason)
          ? closedBefore(rollout, plan, facts, subjectOf(cell, step as Step))
          : [];
      if (closed.length > 0)
        return {
          ...base,
          why: closed.map((v) => `${v.gate}: ${v.because}`).join('; '),
          after,
          unblock: closed.map(unblockOf),
        };
      if (rollout.notBefore > now)
        return {
          ...base,
          why: rollout.reason,
          after,
          unblock: [{ what: 'it tries again', who: ['time'], at: rollout.notBefore }],
        };
      return { ...base, why: rollout.reason, after, unblock: [soon('promotion')] };
    }
    case 'offered': {
      // What closed since the offer is noticed when an agent asks for it.
      const closed =
        forward && step !== undefined ? closedBefore(rollout, plan, facts, subjectOf(cell, step as Step)) : [];
      if (closed.length > 0)
        return {
          ...base,
          why: closed.map((v) => `${v.gate}: ${v.because}`).join('; '),
          after: 'it is offered anew',
          unblock: closed.map(unblockOf),
        };
      return {
        ...base,
        why: `step ${rollout.step} waits for an agent of ${rollout.environment}`,
        after: 'it is offered anew',
        unblock: [{ what: `an agent that is enrolled for ${rollout.environment} asks for work`, who: ['agent'] }],
      };
    }
    case 'leased':
      return {
        ...base,
        why: `${rollout.agent} carries out step ${rollout.step}`,
        after: 'its lease is lost, and the step is tried again or fails',
        unblock: [{ what: 'its outcome', who: ['agent'] }],
      };
    case 'failed':
      return {
        ...base,
        why: `step ${rollout.step} failed (${rollout.code}): ${rollout.why}`,
        after: 'the promotion decides',
        unblock: [soon('rollback')],
      };
    case 'asking': {
      const approver = approverAsked(rollout, cell);
      const given = approver === undefined ? 'retry' : `agree --asked ${rollout.n}`;
      const answer = `\`headgate answer ${rollout.id} ${given} --step ${rollout.step}\``;
      return {
        ...base,
        why: rollout.question,
        after: approver !== undefined ? 'it asks again' : forward ? 'it counts as failed' : 'it tries again by itself',
        unblock: [
          { what: answer, who: approver === undefined ? ACCESS.answer : [approver] },
          ...(approver === undefined
            ? []
            : [
                {
                  what: `\`headgate answer ${rollout.id} decline --reason "…" --step ${rollout.step}\`: nothing is lost, and the cell stays as it stands`,
                  who: ACCESS.answer,
                },
              ]),
        ],
      };
    }
  }
}

const PIN: Unblock = { what: 'what it asks for is pinned at the agent; `headgate doctor` says how', who: ['agent'] };

/** After a restore of the control plane: a cell's agent, then a person. Undefined: it isn't that. */
function unblockUnread(reason: string): readonly Unblock[] | undefined {
  const asked = unreadReason(reason);
  if (asked === undefined) return undefined;
  const person = { what: '`headgate recovery` says what may be answered', who: ACCESS.answer };
  return asked === 'person' ? [person] : [{ what: 'its agent tells what was done there', who: ['agent'] }, person];
}

function isGate(reason: string): boolean {
  return reason.startsWith('gate ');
}

function closedBefore(rollout: Rollout, plan: Plan, facts: GateFacts, subject: Subject): readonly Verdict[] {
  const { restorePoints } = rollout;
  return judgeGates(plan.gates, { ...facts, restorePoints }, subject).filter((v) => !goesOn(v));
}

function unblockOf(verdict: Verdict): Unblock {
  const { unblock: what, who, askAgainAt } = verdict;
  return askAgainAt === undefined ? { what, who: [who] } : { what, who: [who], at: askAgainAt };
}

/** What the controllers do by themselves, at their next look. */
function soon(what: 'wave' | 'promotion' | 'rollback'): Unblock {
  const texts = {
    wave: 'it opens the wave at its next look',
    promotion: 'the promotion goes on',
    rollback: 'the promotion rolls back, in the scope of its plan',
  };
  return { what: texts[what], who: ['headgate'] };
}
