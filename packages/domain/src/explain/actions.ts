/**
 * What a principal may do to a promotion or a rollout right now, and why (not). Asked of the deciders themselves, so that
 * no face ever re-derives a rule and none can show a button that is then refused for a reason known before.
 */
import { mayDo, type Principal, type Verb } from '../access/access.ts';
import { type Freeze, freezeEndText } from '../calendars/window.ts';
import type { Instant } from '../model/identity.ts';
import type { Decided } from '../model/refusal.ts';
import type { CellPlan } from '../plan/plan.ts';
import {
  decideApprove,
  decideGo,
  decideKeep,
  decidePause,
  decideReject,
  decideResume,
  decideRollback,
} from '../promotion/commands.ts';
import { decideAtHold } from '../promotion/overtake.ts';
import { saidReplaced } from '../promotion/replaced.ts';
import type { Promotion } from '../promotion/state.ts';
import { approverAsked, decideAnswer } from '../rollout/assignment.ts';
import type { RolloutAnswer } from '../rollout/events.ts';
import type { Rollout } from '../rollout/state.ts';

/** Whether an action may be taken now. `because` is never empty; refused, it ends with what would unblock it. */
export interface Permission {
  readonly allowed: boolean;
  readonly because: string;
}

export type PromotionAction = 'approve' | 'go' | 'reject' | 'pause' | 'resume' | 'rollback' | 'keep' | 'overtake';
export type RolloutAction = RolloutAnswer;

/**
 * What a principal may do to a promotion at `now`. `freeze`: the one that holds over it, which forbids nobody to decide and
 * says why nothing comes of it yet.
 */
export function actionsOf(
  promotion: Promotion,
  principal: Principal,
  now: Instant,
  freeze?: Freeze,
): Readonly<Record<PromotionAction, Permission>> {
  const { id: by } = principal;
  const approval = { by, envelope: promotion.envelope, now, expiresAt: now + 1 };
  const may = (verb: Verb, does: string, done: string, decided: Decided<unknown>): Permission =>
    permission(principal, verb, does, done, decided);
  const asked = 'asked what it would do';
  const held =
    freeze === undefined ? '' : `; frozen ${freezeEndText(freeze)} (${freeze.reason}): no step forward begins before`;
  const replaced = saidReplaced(promotion);
  const approve = may(
    'approve',
    `it counts for the envelope${held}`,
    'you have approved it',
    decideApprove(promotion, approval),
  );
  return {
    // Said as of the last look; whoever approves is answered by the policy that is in force then.
    approve:
      approve.allowed && replaced !== undefined
        ? { allowed: false, because: `${replaced.because}; ${replaced.unblock}` }
        : approve,
    go: may(
      'go',
      'what can’t be undone without losing data begins, in each of its cells',
      'go was said',
      decideGo(promotion, by, asked, now),
    ),
    reject: may(
      'reject',
      promotion.wave === 0 ? 'it ends before anything changed' : 'all that was moved is brought back',
      'it is rejected',
      decideReject(promotion, by, asked, now),
    ),
    pause: may('pause', 'running steps end and none begins', 'it is paused', decidePause(promotion, by, asked, now)),
    resume: may('resume', `it goes on where it stopped${held}`, 'it goes on', decideResume(promotion, by)),
    rollback: may(
      'rollback',
      promotion.wave === 0 ? 'it ends before anything changed' : 'all that was moved is brought back',
      'all is being brought back',
      decideRollback(promotion, by, asked, now),
    ),
    // By its phase: what each cell is in the middle of is looked at when somebody does it.
    overtake: may(
      'overtake',
      'a hotfix takes its place: cells that are half way go back, those that are done keep the release',
      'it is overtaken',
      decideAtHold(promotion),
    ),
    keep: may('keep', 'what is on the release stays there', 'it is kept', decideKeep(promotion, by, now)),
  };
}

/** What a principal may answer a rollout at `now`. */
export function answersOf(
  rollout: Rollout,
  cell: CellPlan,
  principal: Principal,
  now: Instant,
): Readonly<Record<RolloutAction, Permission>> {
  const may = (answer: RolloutAction, does: string): Permission =>
    permission(
      principal,
      'answer',
      does,
      'it was answered',
      decideAnswer(rollout, cell, principal, now, answer, 'asked what it would do'),
    );
  const agree = may('agree', 'the step runs, and loses what it says');
  const needed = rollout.phase !== 'asking' || approverAsked(rollout, cell) !== undefined;
  return {
    agree: needed ? agree : { allowed: false, because: 'there is nothing to agree to: answer `retry`' },
    retry: may('retry', 'the step is tried again'),
    decline: may('decline', 'nothing is lost: the cell stays as it stands, and the rest of its undo is left out'),
  };
}

/** The table of access first, then the decider; a decider with nothing left to do has done it. */
function permission(
  principal: Principal,
  verb: Verb,
  does: string,
  done: string,
  decided: Decided<unknown>,
): Permission {
  const access = mayDo(principal, verb);
  if (!access.allowed) return access;
  if (!decided.ok) return { allowed: false, because: `${decided.refusal.why}; ${decided.refusal.unblock}` };
  return decided.events.length > 0 ? { allowed: true, because: does } : { allowed: false, because: `${done} already` };
}
