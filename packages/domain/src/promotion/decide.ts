/** What a promotion does next by itself. Pure; see state.ts for the machine in prose. */
import { judgeGates } from '../gates/catalog.ts';
import { type GateFacts, goesOn, type Verdict } from '../gates/gate.ts';
import { waitsForGo } from '../gates/go-no-go.ts';
import type { Instant } from '../model/identity.ts';
import type { Refusal } from '../model/refusal.ts';
import { cut } from '../model/text.ts';
import { leftBehind, leftWords } from '../plan/left-behind.ts';
import type { CellPlan, Plan } from '../plan/plan.ts';
import { named } from '../plan/render-words.ts';
import { answersFailure, isWhole, type Scope, whoFailed } from '../plan/undo.ts';
import { type Objection, objectionReason } from '../protocol/agent-pins.ts';
import { CELLS_NOT_READ_BACK } from '../recovery/unread.ts';
import { type Course, isDeclined, REST_WAITS, stepAtHand } from '../rollout/decide.ts';
import { askAgain, type Decision, LOOK_MS, lookBefore } from '../rollout/looks.ts';
import type { Rollout } from '../rollout/state.ts';
import { ended, HOLD_MS, rollBack } from './endings.ts';
import type { PromotionEvent } from './events.ts';
import type { Promotion, ShownVerdict } from './state.ts';

export interface PromotionFacts {
  readonly now: Instant;
  readonly plan: Plan;
  readonly gates: GateFacts;
  /** By cell; empty before the first wave. */
  readonly rollouts: ReadonlyMap<string, Rollout>;
  /**
   * Cells whose state is no longer the plan's base; looked at before the first wave alone. That another promotion holds a
   * cell is no fact to gather: only the commit that opens the rollouts can tell without a race.
   */
  readonly baseChanged: readonly string[];
  /** Cells that were not read back since a restore: what became of them is not known. */
  readonly unread?: readonly string[];
  /** The promotion that this one overtakes has not let go of all its cells. */
  readonly overtakenOpen?: boolean;
  /** What agents of its cells would refuse its first step for, as they told; asked before the first wave alone. */
  readonly objections?: readonly Objection[];
  /** Stores that the policy asks to be masked copies, and that aren't as they were seen lately. */
  readonly unmasked?: readonly Refusal[];
}

const act = (...events: PromotionEvent[]): Decision<PromotionEvent> => ({ events, lookAt: null });
const wait = (lookAt: Instant | null): Decision<PromotionEvent> => ({ events: [], lookAt });

export function nextOfPromotion(state: Promotion, facts: PromotionFacts): Decision<PromotionEvent> {
  const unread = state.phase === 'undoing' || state.phase === 'ended' ? [] : (facts.unread ?? []);
  if (unread.length > 0) return waitForReading(state, unread, facts.now);
  switch (state.phase) {
    case 'ended':
      return wait(null);
    case 'awaiting':
      return openWave(state, facts);
    case 'advancing':
      return advance(state, facts);
    case 'paused':
    case 'held': {
      // What runs meanwhile may fail: that is decided at once, by the plan, and waits for nobody.
      const failure = state.undo === null ? firstFailure(state, facts) : undefined;
      if (failure !== undefined) return act(failure);
      if (state.phase === 'held' && state.undo === null && allDone(state, facts))
        return act(ended('promoted', 'the last running step was sound, after the latest finish', facts.now));
      if (facts.now < state.until) return wait(lookBefore(state.until, facts.now));
      return act(
        rollBack(
          facts.now,
          { kind: 'all', wave: state.wave },
          `nobody answered in time: ${state.phase === 'paused' ? state.reason : state.question}`,
          'sys',
        ),
      );
    }
    case 'undoing':
      return finishUndo(state, facts);
  }
}

/** What the rows say of a cell may be long past: nothing opens, ends or turns back before it was read back. */
function waitForReading(state: Promotion, unread: readonly string[], now: Instant): Decision<PromotionEvent> {
  const some = `${unread.slice(0, 3).join(', ')}${unread.length > 3 ? ` and ${unread.length - 3} more` : ''}`;
  const reason = `${CELLS_NOT_READ_BACK}: ${some} (headgate recovery)`;
  return state.phase === 'awaiting' ? waitFor(state, reason, [], now + LOOK_MS) : wait(now + LOOK_MS);
}

function openWave(state: Extract<Promotion, { phase: 'awaiting' }>, facts: PromotionFacts): Decision<PromotionEvent> {
  const { now, plan } = facts;
  const wave = state.wave + 1;
  const failure = state.wave > 0 ? firstFailure(state, facts) : undefined;
  if (failure !== undefined) return act(failure);
  if (now >= state.latestFinish) return outOfTime(state, now);
  if (state.wave === 0 && facts.overtakenOpen)
    return waitFor(
      state,
      `promotion ${state.overtakes} is being overtaken`,
      [],
      Math.min(state.latestFinish, now + LOOK_MS),
    );
  if (state.wave === 0 && facts.baseChanged.length > 0) {
    return act(
      ended('expired', `the plan was made for another state of ${facts.baseChanged.join(', ')}: promote again`, now),
    );
  }
  const verdicts = judgeGates(plan.gates, facts.gates, { kind: 'wave', wave });
  const closed = verdicts.filter((v) => !goesOn(v));
  const shown = verdicts.map(show);
  if (closed.length > 0) {
    return waitFor(
      state,
      `wave ${wave}: ${closed.map((v) => `gate ${v.gate} is ${v.verdict}`).join(', ')}`,
      shown,
      Math.min(state.latestFinish, ...closed.map((v) => askAgain(v, now))),
    );
  }
  const unmasked = facts.unmasked ?? [];
  if (unmasked.length > 0)
    return waitFor(state, unmaskedReason(wave, unmasked), shown, Math.min(state.latestFinish, now + LOOK_MS));
  const objections = state.wave === 0 ? (facts.objections ?? []) : [];
  // The agent would refuse it, and what was approved would be spent: it waits for a person to pin it there.
  if (objections.length > 0)
    return waitFor(state, objectionReason(objections), shown, Math.min(state.latestFinish, now + LOOK_MS));
  return act({ type: 'promotion.wave-opened', data: { wave, verdicts: shown, until: state.latestFinish } });
}

/** Stores that are named in a reason. */
const MOST_UNMASKED = 3;

/** A store was exchanged since it was planned: it may hold anybody's data, and nothing new is done there. */
function unmaskedReason(wave: number, unmasked: readonly Refusal[]): string {
  const more = unmasked.length - MOST_UNMASKED;
  const said = unmasked.slice(0, MOST_UNMASKED).map(({ where, why, unblock }) => `${where}: ${why}; ${unblock}`);
  return `wave ${wave}: masked copies are asked for: ${[...said, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')}`
    .slice(0, 3_000)
    .toWellFormed();
}

function advance(state: Promotion, facts: PromotionFacts): Decision<PromotionEvent> {
  const { now, plan } = facts;
  const failure = firstFailure(state, facts);
  if (failure !== undefined) return act(failure);
  const asked = state.goAsked === undefined ? goAsked(facts) : undefined;
  if (asked !== undefined) return act(asked);
  if (!openWaveDone(state, facts)) {
    if (now >= state.latestFinish) return outOfTime(state, now);
    return wait(lookBefore(state.latestFinish, now));
  }
  if (state.wave < plan.waves.length)
    return act({
      type: 'promotion.waiting',
      data: { reason: `wave ${state.wave} is done`, verdicts: [], until: state.latestFinish },
    });
  const { length } = plan.waves;
  return act(ended('promoted', length === 1 ? 'its only wave is done' : `all ${length} waves are done`, now));
}

/** The first cell that waits for a go, so that people are asked, and told, once. */
function goAsked({ now, plan, rollouts }: PromotionFacts): PromotionEvent | undefined {
  for (const rollout of rollouts.values())
    if (rollout.phase === 'waiting' && rollout.undo === null && waitsForGo(rollout.reason))
      return { type: 'promotion.go-asked', data: { cell: rollout.cell, step: stepOf(rollout, plan), at: now } };
  return undefined;
}

function stepOf({ cell, cursor }: Rollout, plan: Plan): string {
  return plan.cells.find((each) => each.cell === cell)?.steps[cursor]?.id ?? '';
}

function openWaveDone(state: Promotion, { plan, rollouts }: PromotionFacts): boolean {
  return plan.cells.every((cell) => waveDone(cell, rollouts.get(cell.cell), state.wave));
}

function allDone(state: Promotion, facts: PromotionFacts): boolean {
  return state.wave === facts.plan.waves.length && openWaveDone(state, facts);
}

/** A rollout that can't go on makes the promotion decide, in the scope that the plan declares. */
function firstFailure(state: Promotion, facts: PromotionFacts): PromotionEvent | undefined {
  for (const rollout of facts.rollouts.values()) {
    if (rollout.undo !== null) return takeUp(state, facts, rollout.undo);
    if (rollout.phase !== 'failed' || rollout.undo !== null) continue;
    const because = `step ${rollout.step} of cell ${rollout.cell} failed (${rollout.code}): ${rollout.why}`;
    const cell = facts.plan.cells.find((c) => c.cell === rollout.cell);
    const tenants = cell === undefined ? [] : whoFailed(cell, rollout);
    return rollBack(facts.now, scopeOf(facts.plan, rollout.cell, state.wave, tenants), because, 'sys');
  }
  return undefined;
}

/**
 * A rollout goes back that nobody here has decided: its agent did, while the control plane was away. The promotion takes it
 * up as its own decision, never narrower than what its plan declares.
 */
function takeUp(
  state: Promotion,
  { now, plan }: PromotionFacts,
  { scope, because }: NonNullable<Rollout['undo']>,
): PromotionEvent {
  const { rollbackScope } = plan;
  const asDeclared =
    scope.kind === 'all' || scope.kind === rollbackScope || (scope.kind === 'cell' && rollbackScope === 'tenant');
  return rollBack(now, asDeclared ? scope : { kind: 'all', wave: state.wave }, because, 'sys');
}

/** The declared scope; a failure that names no tenant can't be a tenant's, so it takes the cell. */
function scopeOf(plan: Plan, cell: string, wave: number, tenants: readonly string[]): Scope {
  switch (plan.rollbackScope) {
    case 'all':
      return { kind: 'all', wave };
    case 'cell':
      return { kind: 'cell', wave, cell };
    case 'ring':
      return { kind: 'ring', wave };
    case 'tenant':
      return tenants.length === 0 ? { kind: 'cell', wave, cell } : { kind: 'tenant', wave, cell, tenants };
  }
}

function outOfTime(state: Promotion, now: Instant): Decision<PromotionEvent> {
  if (state.wave === 0)
    return act(ended('expired', 'its latest finish passed before the first wave opened: promote again', now));
  return act({
    type: 'promotion.held',
    data: {
      question: 'the latest finish passed in the middle: roll back, or keep what is there?',
      until: now + HOLD_MS,
    },
  });
}

function finishUndo(state: Promotion, facts: PromotionFacts): Decision<PromotionEvent> {
  const { plan, rollouts, now } = facts;
  const { undo } = state;
  if (undo === null) throw new Error('an undoing promotion has decided an undo');
  let staying = false;
  const declined: string[] = [];
  let tried = false;
  for (const cell of plan.cells) {
    const rollout = rollouts.get(cell.cell);
    if (rollout !== undefined && isDeclined(rollout, cell)) {
      declined.push(cell.cell);
      tried ||= rollout.tried?.includes(stepAtHand(rollout, cell)?.id ?? '') === true;
    }
    // A failure beside the scope of a rollback in progress widens it.
    if (rollout !== undefined && rollout.phase === 'failed' && !answersFailure(undo.scope, cell, rollout)) {
      const because = `${undo.because}; then step ${rollout.step} of cell ${rollout.cell} failed: ${rollout.why}`;
      return act(rollBack(now, { kind: 'all', wave: state.wave }, because.slice(0, 1000).toWellFormed(), 'sys'));
    }
    if (rollout === undefined || rollout.phase === 'settled') continue;
    if (undoneSoFar(rollout, cell, undo.scope)) staying = true;
    else return wait(now + LOOK_MS);
  }
  const left = leftWords(leftBehind(plan, rollouts, facts.gates.evidence));
  const whole = left === '' ? undo.because : endingWith(undo.because, left);
  // Widened to everything, nothing of it is left to be superseded.
  if (state.overtakenBy !== undefined && undo.scope.kind !== 'all') return act(ended('superseded', whole, now));
  if (!staying && declined.length > 0) {
    const where = `${declined.length === 1 ? 'cell' : 'cells'} ${named(declined)}`;
    const word = `what would lose data was declined${tried ? ' after it was agreed to, and may have been carried out' : ', and stays as it stood then'}`;
    const because = `${cut(undo.because, 700)}; in ${where} ${word}`;
    return act(ended('partly-rolled-back', endingWith(because, left), now));
  }
  if (!staying) return act(ended('rolled-back', whole, now));
  return act({
    type: 'promotion.held',
    data: {
      question: 'some tenants stay on the release: keep them there, or bring them back too?',
      until: now + HOLD_MS,
    },
  });
}

/** A reason with what comes after it, which isn't cut off by it. */
function endingWith(because: string, end: string): string {
  const room = Math.max(0, 1000 - end.length);
  return `${because.length > room ? `${because.slice(0, Math.max(0, room - 1))}…` : because}${end}`
    .slice(0, 1000)
    .toWellFormed();
}

/** A rollout outside the scope that keeps tenants on the release, and has undone what the scope named. */
function undoneSoFar(rollout: Rollout, cell: CellPlan, scope: Scope): boolean {
  return (
    !isWhole(cell, scope, rollout.begun) &&
    rollout.phase === 'waiting' &&
    rollout.undo !== null &&
    rollout.reason === REST_WAITS
  );
}

/** Whether a cell has done all its steps up to and including a wave. */
function waveDone(cell: CellPlan, rollout: Rollout | undefined, wave: number): boolean {
  if (rollout === undefined) return false;
  if (rollout.phase === 'settled') return rollout.result === 'completed';
  const next = cell.steps[rollout.cursor];
  return rollout.undo === null && (next === undefined || next.wave > wave);
}

/** The promotion's word to a rollout. */
export function courseOf(state: Promotion): Course {
  const base = { openWave: state.wave, until: state.latestFinish };
  switch (state.phase) {
    case 'advancing':
      return { kind: 'forward', ...base };
    case 'undoing':
      return state.undo === null
        ? { kind: 'hold', ...base }
        : { kind: 'undo', ...base, until: state.until, scope: state.undo.scope, because: state.undo.because };
    case 'ended':
      if (state.result === 'rolled-back' && state.undo !== null)
        return { kind: 'undo', ...base, scope: state.undo.scope, because: state.undo.because };
      return { kind: state.result === 'promoted' ? 'close' : 'keep', ...base };
    case 'held':
      // A held promotion that has begun to go back keeps that scope; nothing else moves.
      return state.undo === null
        ? { kind: 'hold', ...base, until: state.until }
        : { kind: 'undo', ...base, until: state.until, scope: state.undo.scope, because: state.undo.because };
    case 'awaiting':
    case 'paused':
      return { kind: 'hold', ...base, until: state.until };
  }
}

function show(verdict: Verdict): ShownVerdict {
  const { gate, verdict: kind, because, unblock, who } = verdict;
  return { gate, verdict: kind, because, unblock, who };
}

/** Only a new reason is news; the texts of verdicts change with every look. */
function waitFor(
  state: Extract<Promotion, { phase: 'awaiting' }>,
  reason: string,
  verdicts: readonly ShownVerdict[],
  lookAt: Instant,
): Decision<PromotionEvent> {
  if (state.reason === reason) return wait(lookAt);
  return act({ type: 'promotion.waiting', data: { reason, verdicts, until: state.latestFinish } });
}

export function dueOfPromotion(state: Promotion, now: Instant): Instant | null {
  switch (state.phase) {
    case 'awaiting':
      return now;
    case 'advancing':
    case 'paused':
    case 'held':
      return lookBefore(state.until, now);
    case 'undoing':
      return now + LOOK_MS;
    case 'ended':
      return null;
  }
}
