/** What people may do to a promotion, by phase. Who may do it at all stands in the table of access. */
import type { Digest, Instant, PrincipalId } from '../model/identity.ts';
import { accepted, type Decided, refused } from '../model/refusal.ts';
import type { ReleaseRef } from '../model/release.ts';
import { cut } from '../model/text.ts';
import { ended, HOLD_MS, rollBack } from './endings.ts';
import type { PromotionEvent } from './events.ts';
import type { Promotion } from './state.ts';

export interface ApproveCommand {
  readonly by: PrincipalId;
  readonly envelope: Digest;
  readonly now: Instant;
  readonly expiresAt: Instant;
  /** The bundle that the approver signed, verified; without one the server attests that a token was shown. */
  readonly bundle?: Digest;
}

/** A person's yes to an envelope: never the author's or the requester's, and only to what the plan really says. */
export function decideApprove(state: Promotion, command: ApproveCommand): Decided<PromotionEvent> {
  const what = `approve promotion ${state.id}`;
  const where = `promotion/${state.id}`;
  if (state.phase === 'ended' || state.phase === 'undoing')
    return refused('wrong-phase', what, where, `it is ${state.phase}`, 'nothing: there is nothing to approve any more');
  if (state.authors.includes(command.by))
    return refused('author-approves', what, where, 'an author of the release never approves it', 'another approver');
  if (state.requester === command.by)
    return refused(
      'requester-approves',
      what,
      where,
      'who asked for the promotion never approves it',
      'another approver',
    );
  if (command.envelope !== state.envelope)
    return refused(
      'other-envelope',
      what,
      where,
      `the approval binds to envelope ${command.envelope}, the plan's is ${state.envelope}`,
      'look at the plan again and approve what it says now',
    );
  const { by, envelope, now: at, expiresAt, bundle } = command;
  if (expiresAt <= at)
    return bundle === undefined
      ? refused('approval-expired', what, where, 'no policy says how long an approval holds', 'declare a Policy here')
      : refused('approval-expired', what, where, 'what was signed does not hold any more', 'sign it again');
  const holding = state.approvals.filter((a) => a.by === by && a.envelope === envelope && a.expiresAt > at);
  // Who signs after having shown a token says more than before.
  if (holding.some((a) => bundle === undefined || a.proof === 'signed')) return accepted();
  const proof = bundle === undefined ? { proof: 'server-attested' as const } : { proof: 'signed' as const, bundle };
  return accepted({ type: 'promotion.approved', data: { by, envelope, at, expiresAt, ...proof } });
}

export function decideReject(state: Promotion, by: PrincipalId, reason: string, now: Instant): Decided<PromotionEvent> {
  const what = `reject promotion ${state.id}`;
  if (state.phase !== 'awaiting')
    return refused(
      'wrong-phase',
      what,
      `promotion/${state.id}`,
      `it is ${state.phase}`,
      state.wave > 0 && state.phase !== 'ended' ? 'roll it back instead' : 'nothing',
    );
  if (state.wave > 0) return accepted(rollBack(now, { kind: 'all', wave: state.wave }, `rejected: ${reason}`, by));
  return accepted(ended('rejected', `${by}: ${reason}`, now));
}

export function decidePause(state: Promotion, by: PrincipalId, reason: string, now: Instant): Decided<PromotionEvent> {
  // Before the first wave there is nothing to stop; between waves a pause keeps the next one from opening.
  if (state.phase !== 'advancing' && !(state.phase === 'awaiting' && state.wave > 0))
    return refused(
      'wrong-phase',
      `pause promotion ${state.id}`,
      `promotion/${state.id}`,
      `it is ${state.phase}`,
      'only a promotion that has begun and goes forward pauses',
    );
  return accepted({ type: 'promotion.paused', data: { by, reason, until: now + HOLD_MS } });
}

/**
 * What the promotion was planned on is gone in a cell that it holds: it goes no further before a person resumes it or rolls
 * it back. Undefined: it goes nowhere forward, or it has ended.
 */
export function stopOver(state: Promotion, why: string, now: Instant): PromotionEvent | undefined {
  const reason = why.slice(0, 1000).toWellFormed();
  const forward = state.phase === 'advancing' || (state.phase === 'awaiting' && state.wave > 0);
  // Whoever paused it did so for another reason, and would resume it knowing nothing of this one.
  if (!forward && !(state.phase === 'paused' && state.reason !== reason)) return undefined;
  return { type: 'promotion.paused', data: { by: 'sys', reason, until: now + HOLD_MS } };
}

export function decideResume(state: Promotion, by: PrincipalId): Decided<PromotionEvent> {
  if (state.phase !== 'paused')
    return refused(
      'wrong-phase',
      `resume promotion ${state.id}`,
      `promotion/${state.id}`,
      `it is ${state.phase}`,
      'only a paused promotion resumes',
    );
  return accepted({ type: 'promotion.resumed', data: { by, until: state.latestFinish } });
}

/**
 * A person's go at the point of no return, which like an approval is never the author's or the requester's. It is taken once
 * it was asked for: said earlier it would be said of what nobody has seen yet. One go holds for all cells.
 */
export function decideGo(state: Promotion, by: PrincipalId, reason: string, now: Instant): Decided<PromotionEvent> {
  const what = `say go to promotion ${state.id}`;
  const where = `promotion/${state.id}`;
  if (state.go !== undefined) return accepted();
  if (state.phase !== 'advancing' && state.phase !== 'paused' && state.phase !== 'awaiting')
    return refused('wrong-phase', what, where, `it is ${state.phase}`, 'nothing: it goes no further forward');
  if (state.authors.includes(by))
    return refused('author-approves', what, where, 'an author of the release never says go', 'somebody else');
  if (state.requester === by)
    return refused('requester-approves', what, where, 'who asked for the promotion never says go', 'somebody else');
  if (state.goAsked === undefined)
    return refused(
      'nothing-asked',
      what,
      where,
      'none of its cells stands before a point of no return at which the gate go-no-go asks',
      `look at \`headgate explain ${state.id}\``,
    );
  return accepted({ type: 'promotion.go', data: { by, reason, at: now } });
}

/**
 * Rolling back is never blocked by a window, a freeze or a gate. `before` is what an ended one is told to promote instead, and
 * `removing` by which files it removed something that this may use.
 */
export function decideRollback(
  state: Promotion,
  by: PrincipalId,
  reason: string,
  now: Instant,
  before: readonly ReleaseRef[] = [],
  removing: readonly string[] = [],
): Decided<PromotionEvent> {
  const what = `roll promotion ${state.id} back`;
  const where = `promotion/${state.id}`;
  if (state.phase === 'ended')
    return refused('wrong-phase', what, where, `it ended: ${state.result}`, insteadOfRollback(state, before, removing));
  if (goesBackWhole(state)) return accepted();
  if (state.wave === 0) return accepted(ended('rejected', `${by}: ${reason}`, now));
  // Why it began to go back stays said when a person widens that.
  const then = `; then ${by}: ${reason}`;
  const because = state.undo === null ? reason : `${cut(state.undo.because, Math.max(0, 1000 - then.length))}${then}`;
  return accepted(rollBack(now, { kind: 'all', wave: state.wave }, because, by));
}

/** Whether all of it goes back already: everything, or the only cell that it has. */
function goesBackWhole({ phase, undo, cells }: Promotion): boolean {
  if (phase !== 'undoing' || undo === null) return false;
  return undo.scope.kind === 'all' || (undo.scope.kind === 'cell' && cells.every((cell) => cell === undo.scope.cell));
}

/** A person keeps what a partial rollback left on the release. */
export function decideKeep(state: Promotion, by: PrincipalId, now: Instant): Decided<PromotionEvent> {
  if (state.phase !== 'held')
    return refused(
      'wrong-phase',
      `keep promotion ${state.id}`,
      `promotion/${state.id}`,
      `it is ${state.phase} and asks nothing`,
      'look at `headgate status`',
    );
  return accepted({ type: 'promotion.kept', data: { by, at: now } });
}

/** What brings back the release of before once its promotion has ended: one like any other, with its gates. */
function insteadOfRollback(
  { environment, release, result }: Promotion & { phase: 'ended' },
  before: readonly ReleaseRef[],
  removing: readonly string[],
): string {
  if (result !== 'promoted' && result !== 'partly-rolled-back')
    return 'nothing: nobody stayed on the release; `headgate status` shows what runs where';
  const named = before.filter(({ digest }) => digest !== release.digest).slice(0, 3);
  if (named.length === 0) return 'promote the release that ran before';
  const commands = named.map(({ version, digest }) => `${version}: \`headgate promote ${digest} --to ${environment}\``);
  const instead = `promote the release that ran before, ${commands.join(', or ')}`;
  if (removing.length === 0) return instead;
  const more = removing.length > 3 ? ` and ${removing.length - 3} more` : '';
  return `promote a release that mends it and runs on the store as it is: this one removed something there (${removing.slice(0, 3).join(', ')}${more}). The release that ran before is refused where it may use that, until somebody who looked answers for it: then ${instead}`;
}
