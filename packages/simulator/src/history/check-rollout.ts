/** What a rollout's entries must keep to. */
import type { RolloutEvent, Step } from '@headgate/domain';
import { waits } from './check-promotion.ts';
import { proves } from './check-reading.ts';
import type { DeclaredFacts } from './declared-facts.ts';
import type { Recorded, Report } from './recorded.ts';
import { changes, expectedUndo, ofCell } from './scope.ts';
import { actionOf, atHand, type PromotionTrack, type RolloutTrack } from './tracks.ts';

type Data<T extends RolloutEvent['type']> = Extract<RolloutEvent, { type: T }>['data'];

export function openRollout(
  data: Data<'rollout.opened'>,
  promotion: PromotionTrack,
  report: Report,
): RolloutTrack | undefined {
  const cell = promotion.index.cells.get(data.cell);
  if (cell === undefined) {
    report('plan-order', `the plan has no cell ${data.cell}`);
    return undefined;
  }
  if (promotion.wave < 1) report('plan-order', 'a rollout was opened before the first wave');
  const track: RolloutTrack = {
    id: data.id,
    promotion,
    cell,
    phase: 'waiting',
    result: undefined,
    n: data.after ?? 0,
    step: '',
    holder: '',
    cursor: 0,
    begun: 0,
    restorePoints: [],
    scope: undefined,
    undo: undefined,
    undoCursor: 0,
    agreed: false,
    held: new Set(),
    declined: false,
  };
  promotion.rollouts.set(data.cell, track);
  return track;
}

/** Checks an entry against what is known of the rollout, then takes it up. */
export function seeRollout(track: RolloutTrack, entry: Recorded, facts: DeclaredFacts, report: Report): void {
  if (track.phase === 'settled') report('on-the-log-once', `${entry.type} after the rollout was settled`);
  const { data } = entry;
  switch (entry.type as RolloutEvent['type']) {
    case 'rollout.waiting': {
      const { reason, until } = data as Data<'rollout.waiting'>;
      waits(reason, until, report);
      if (track.undo === undefined && reason.startsWith('gate ') && holds(track))
        report('held-briefly', `${track.cell.steps[track.cursor]?.of?.join()} is held behind a closed gate: ${reason}`);
      if (track.undo !== undefined && reason.startsWith('gate ')) report('undo-possible', `an undo waits: ${reason}`);
      track.phase = 'waiting';
      return;
    }
    case 'rollout.offered':
      offered(track, data as Data<'rollout.offered'>, report);
      return;
    case 'rollout.leased':
      leased(track, entry, facts, report);
      return;
    case 'rollout.lease-lost': {
      const { n } = data as Data<'rollout.lease-lost'>;
      if (track.phase !== 'leased' || n !== track.n) report('holder-settles', `assignment ${n} lost a lease it hadn't`);
      track.phase = 'waiting';
      return;
    }
    case 'rollout.step-done':
      done(track, entry, report);
      return;
    case 'rollout.step-waits': {
      const { n, reason, until } = data as Data<'rollout.step-waits'>;
      settles(track, entry.by, n, report);
      waits(reason, until, report);
      track.phase = 'waiting';
      return;
    }
    case 'rollout.step-failed': {
      const { n, after, until, why } = data as Data<'rollout.step-failed'>;
      if (entry.by !== 'sys') settles(track, entry.by, n, report);
      waits(why, until, report);
      track.phase = after === 'retry' ? 'waiting' : after === 'ask' ? 'asking' : 'failed';
      return;
    }
    case 'rollout.asked': {
      const { question, until } = data as Data<'rollout.asked'>;
      waits(question, until, report);
      track.phase = 'asking';
      return;
    }
    case 'rollout.answered': {
      const { answer } = data as Data<'rollout.answered'>;
      if (track.phase !== 'asking') report('plan-order', 'an answer to nothing');
      if (answer === 'agree' && track.undo?.agreed.has(atHand(track) ?? '') === true) {
        if (!facts.hasRole(entry.by, ['approver'])) report('no-author-approves', `${entry.by} agreed to losing data`);
        track.agreed = true;
      }
      if (answer === 'decline' && track.undo?.agreed.has(atHand(track) ?? '') !== true)
        report('undo-possible', `${entry.by} declined what loses nothing`);
      if (answer === 'decline' && track.held.size > 0)
        report('held-briefly', `${entry.by} declined while ${[...track.held].join()} may be held`);
      track.declined = answer === 'decline';
      track.phase = 'waiting';
      return;
    }
    case 'rollout.undo-begun':
      undoBegun(track, data as Data<'rollout.undo-begun'>, report);
      return;
    case 'rollout.read-back':
      readBack(track, data as Data<'rollout.read-back'>);
      return;
    case 'rollout.undone-away':
      undoneAway(track, entry, report);
      return;
    case 'rollout.settled':
      settled(track, (data as Data<'rollout.settled'>).result, report);
      return;
    default:
      report('on-the-log-once', `nobody knows the entry ${entry.type}`);
  }
}

/** Whether the step at hand is one of a tenant whom a step holds that was handed out once, whatever came of it. */
function holds({ cell, cursor, begun }: RolloutTrack): boolean {
  const of = cell.steps[cursor]?.of;
  const own = cell.steps.slice(0, begun).filter((step) => of !== undefined && step.of?.[0] === of[0]);
  return own.some((step) => step.action.kind === 'hold') && !own.some((step) => step.action.kind === 'open');
}

function offered(track: RolloutTrack, { step, n, until }: Data<'rollout.offered'>, report: Report): void {
  if (n !== track.n + 1) report('holder-settles', `assignment ${n} was offered after ${track.n}`);
  if (step !== atHand(track))
    report('plan-order', `${step} was offered while ${atHand(track) ?? 'no step'} is at hand`);
  if (track.undo === undefined) {
    const { phase, wave } = track.promotion;
    if (phase !== 'advancing') report('plan-order', `${step} was offered while the promotion is ${phase}`);
    if ((track.cell.steps[track.cursor]?.wave ?? 0) > wave) report('plan-order', `${step} was offered before its wave`);
  }
  waits('offered', until, report);
  track.n = n;
  track.step = step;
  track.phase = 'offered';
}

function leased(track: RolloutTrack, entry: Recorded, facts: DeclaredFacts, report: Report): void {
  const { step, n, agent, until } = entry.data as Data<'rollout.leased'>;
  if (track.phase !== 'offered' || n !== track.n || step !== track.step)
    report('holder-settles', `assignment ${n} of ${step} was leased, which is not on offer`);
  if (entry.by !== agent) report('holder-settles', `${entry.by} leased for ${agent}`);
  if (track.undo === undefined) forward(track, until, facts, report);
  else if (track.undo.agreed.has(step) && !track.agreed)
    report('undo-possible', `${step} loses data, and its approver has not agreed`);
  const action = actionOf(track.cell, step);
  if (action?.kind === 'hold') for (const tenant of action.tenants) track.held.add(tenant);
  track.holder = agent;
  track.phase = 'leased';
}

/** Everything that must hold in the moment in which a forward step is handed out. */
function forward(track: RolloutTrack, until: number, facts: DeclaredFacts, report: Report): void {
  const { promotion, cell } = track;
  const { index } = promotion;
  const step = cell.steps[track.cursor];
  if (step === undefined) return;
  // The lease's deadline was counted from the moment of the decision.
  const at = until - step.timeoutMs;
  if (promotion.phase !== 'advancing')
    report('plan-order', `step ${step.id} was handed out while the promotion is ${promotion.phase}`);
  if (step.wave > promotion.wave)
    report('plan-order', `step ${step.id} was handed out before wave ${step.wave} opened`);
  if (at >= promotion.latestFinish) report('inside-window', `step ${step.id} was handed out after the latest finish`);
  if (changes(step)) facts.checkGates(index, at, 0, report);
  if (step.action.kind === 'migrate' && index.restorePointMaxAgeMs !== undefined)
    checkRestorePoint(track, step.action.store, at - index.restorePointMaxAgeMs, report);
  const restored = step.undo.kind === 'act' && step.undo.action.kind === 'restore';
  const taking = step.action.kind === 'migrate' && step.action.migrations.some(({ phase }) => phase !== 'expand');
  const asked =
    step.action.kind === 'migrate' &&
    step.undo.kind === 'act' &&
    step.undo.approver !== undefined &&
    step.undo.losesFrom === undefined;
  const activates = step.action.kind === 'open-operations' && step.action.slot !== undefined;
  if ((restored || taking || asked || activates) && index.asksGo && !promotion.go)
    report('go-before-no-return', `${step.id} was handed out without a go`);
  track.begun = Math.max(track.begun, track.cursor + 1);
}

function checkRestorePoint(track: RolloutTrack, store: string, oldest: number, report: Report): void {
  const fresh = track.restorePoints.some((p) => p.store === store && p.verified && p.takenAt >= oldest);
  if (!fresh) report('restore-point-first', `store ${store} has no fresh, verified restore point`);
}

function settles(track: RolloutTrack, by: string, n: number, report: Report): void {
  if (track.phase !== 'leased' || n !== track.n)
    report('holder-settles', `assignment ${n} was settled, the current one is ${track.n} (${track.phase})`);
  else if (by !== track.holder) report('holder-settles', `${by} settled what ${track.holder} holds`);
}

function done(track: RolloutTrack, entry: Recorded, report: Report): void {
  const { step, n, result } = entry.data as Data<'rollout.step-done'>;
  settles(track, entry.by, n, report);
  if (step !== atHand(track)) report('plan-order', `${step} was done while ${atHand(track) ?? 'no step'} is at hand`);
  if (result.restorePoint !== undefined) track.restorePoints.push(result.restorePoint);
  track.phase = 'waiting';
  opened(track, [step]);
  if (track.undo !== undefined) {
    track.undoCursor++;
    track.agreed = false;
    return;
  }
  const action = (track.cell.steps[track.cursor] as Step | undefined)?.action;
  const lacking = action === undefined ? undefined : proves(action, result);
  if (lacking !== undefined) report('data-not-missing', `step ${step} counts as done without ${lacking}`);
  track.cursor++;
}

/** Whoever was opened is held no more. */
function opened({ cell, held }: RolloutTrack, ids: readonly string[]): void {
  for (const id of ids) {
    const action = actionOf(cell, id);
    if (action?.kind === 'open') for (const tenant of action.tenants) held.delete(tenant);
  }
}

function undoBegun(track: RolloutTrack, { scope, begun = 0 }: Data<'rollout.undo-begun'>, report: Report): void {
  track.begun = Math.max(track.begun, begun);
  const decided = track.promotion.scope;
  // A rollout that is let go as it is brings back, or opens, whom alone it holds, and names nobody else.
  const lettingGo = track.promotion.phase === 'ended' && scope.kind === 'tenant' && scope.tenants?.length === 0;
  if (
    !lettingGo &&
    (decided === undefined || JSON.stringify(ofCell(decided, track.cell.cell)) !== JSON.stringify(scope))
  )
    report('named-tenants', 'a rollout goes back in a scope that nobody decided');
  if (track.phase === 'leased') report('holder-settles', 'an undo began while a forward step was leased');
  track.scope = scope;
  track.undo = expectedUndo(track.cell, scope, track.begun);
  track.undoCursor = 0;
  track.agreed = false;
  track.phase = 'waiting';
}

function readBack(track: RolloutTrack, data: Data<'rollout.read-back'>): void {
  if (data.stays) return;
  const { cursor, begun, undoCursor = 0, restorePoints = [] } = data;
  track.cursor = cursor;
  track.begun = begun;
  opened(
    track,
    track.cell.steps.slice(0, cursor).map(({ id }) => id),
  );
  if (track.undo !== undefined && undoCursor > track.undoCursor) {
    opened(track, track.undo.ids.slice(0, undoCursor));
    track.undoCursor = undoCursor;
    track.agreed = false;
  }
  track.restorePoints.push(...restorePoints);
  track.phase = 'waiting';
}

/** Somebody at the agent's machine decided it, and it has happened: in order, above every token before, losing nothing. */
function undoneAway(track: RolloutTrack, entry: Recorded, report: Report): void {
  const { scope, begun, cursor, n, by, agent } = entry.data as Data<'rollout.undone-away'>;
  if (by === '' || agent !== entry.by) report('named-tenants', `${entry.by} tells of an undo that nobody decided`);
  if (n < track.n) report('holder-settles', `the agent's tokens ended at ${n}, below ${track.n}`);
  track.n = Math.max(track.n, n);
  track.begun = Math.max(track.begun, begun);
  track.scope = scope;
  track.undo = expectedUndo(track.cell, scope, track.begun);
  if (cursor > track.undo.ids.length) report('plan-order', `${cursor} of ${track.undo.ids.length} steps were undone`);
  const lost = track.undo.ids.slice(0, cursor).find((id) => track.undo?.agreed.has(id));
  if (lost !== undefined) report('undo-possible', `${lost} loses data, and its approver has not agreed`);
  opened(track, track.undo.ids.slice(0, cursor));
  track.undoCursor = cursor;
  track.agreed = false;
  track.phase = 'waiting';
}

function settled(track: RolloutTrack, result: Data<'rollout.settled'>['result'], report: Report): void {
  const { promotion, cell, undo } = track;
  if (result === 'undone') {
    if (undo === undefined || track.undoCursor < undo.ids.length)
      report('back-on-stable', `cell ${cell.cell} counts as undone with undo steps left`);
    else if (!undo.whole) report('back-on-stable', `cell ${cell.cell} counts as undone with tenants on the release`);
  }
  if (result === 'completed' && (undo !== undefined || track.cursor < cell.steps.length))
    report('plan-order', `cell ${cell.cell} counts as completed with steps left`);
  // Whoever declines to lose data lets the cell stand, whatever the others do.
  if (result !== 'undone' && promotion.phase !== 'ended' && !track.declined)
    report('one-active-rollout', `cell ${cell.cell} was let go (${result}) before its promotion ended`);
  track.phase = 'settled';
  track.result = result;
}
