/** What a promotion's entries must keep to. */
import type { Approval, PromotionEvent, Scope, ShownVerdict } from '@headgate/domain';
import type { DeclaredFacts } from './declared-facts.ts';
import type { PlanIndex } from './plan-index.ts';
import type { Recorded, Report } from './recorded.ts';
import { didWaves, type PromotionTrack } from './tracks.ts';

type Data<T extends PromotionEvent['type']> = Extract<PromotionEvent, { type: T }>['data'];

export function openPromotion(data: Data<'promotion.requested'>, index: PlanIndex): PromotionTrack {
  return {
    id: data.id,
    index,
    environment: data.environment,
    envelope: data.envelope,
    barred: [...data.authors, data.requester],
    latestFinish: data.latestFinish,
    approvals: [],
    rollouts: new Map(),
    go: false,
    wave: 0,
    phase: 'awaiting',
    result: undefined,
    scope: undefined,
  };
}

/** Checks an entry against what is known of the promotion, then takes it up. `slackMs`: from the decision to its commit. */
export function seePromotion(
  track: PromotionTrack,
  entry: Recorded,
  facts: DeclaredFacts,
  slackMs: number,
  report: Report,
): void {
  if (track.phase === 'ended') report('on-the-log-once', `${entry.type} after the promotion ended`);
  switch (entry.type as PromotionEvent['type']) {
    case 'promotion.approved':
      approved(track, entry, facts, report);
      return;
    case 'promotion.go-asked':
      return;
    case 'promotion.go': {
      const data = entry.data as Data<'promotion.go'>;
      if (track.barred.includes(data.by) || data.by !== entry.by)
        report('go-before-no-return', `${data.by} is an author, asked for it, or isn't who said it`);
      if (!facts.hasRole(entry.by, ['approver', 'release-manager', 'admin']))
        report('go-before-no-return', `${entry.by} may not say go`);
      track.go = true;
      return;
    }
    case 'promotion.wave-opened':
      waveOpened(track, entry, facts, slackMs, report);
      return;
    case 'promotion.waiting': {
      const { reason, until } = entry.data as Data<'promotion.waiting'>;
      waits(reason, until, report);
      if (track.phase !== 'awaiting' && track.phase !== 'advancing')
        report('plan-order', `a ${track.phase} promotion goes back to waiting for a wave`);
      track.phase = 'awaiting';
      return;
    }
    case 'promotion.paused': {
      const { reason, until } = entry.data as Data<'promotion.paused'>;
      waits(reason, until, report);
      if (!facts.hasRole(entry.by, ['operator', 'release-manager', 'admin']))
        report('no-author-approves', `${entry.by} may not pause`);
      track.phase = 'paused';
      return;
    }
    case 'promotion.resumed':
      if (track.phase !== 'paused') report('plan-order', `a ${track.phase} promotion was resumed`);
      track.phase = 'advancing';
      return;
    case 'promotion.rollback-decided': {
      const { scope } = entry.data as Data<'promotion.rollback-decided'>;
      decided(track, entry, scope, facts, report);
      return;
    }
    case 'promotion.overtaken':
      overtaken(track, entry, facts, report);
      return;
    case 'promotion.held': {
      const { question, until } = entry.data as Data<'promotion.held'>;
      waits(question, until, report);
      track.phase = 'held';
      return;
    }
    case 'promotion.kept':
      if (track.phase !== 'held') report('plan-order', `a ${track.phase} promotion was kept`);
      if (!facts.hasRole(entry.by, ['release-manager', 'admin']))
        report('no-author-approves', `${entry.by} may not keep`);
      track.phase = 'ended';
      track.result = 'partly-rolled-back';
      return;
    case 'promotion.ended':
      ended(track, entry.data as Data<'promotion.ended'>, report);
      return;
    default:
      report('on-the-log-once', `nobody knows the entry ${entry.type}`);
  }
}

function approved(track: PromotionTrack, entry: Recorded, facts: DeclaredFacts, report: Report): void {
  const data = entry.data as Approval;
  if (track.barred.includes(data.by)) report('no-author-approves', `${data.by} is an author or asked for it`);
  if (data.by !== entry.by) report('no-author-approves', `${entry.by} approved in the name of ${data.by}`);
  if (!facts.hasRole(entry.by, ['approver'])) report('no-author-approves', `${entry.by} is no approver`);
  if (data.envelope !== track.envelope)
    report('covered-by-approvals', `${data.by} approved another envelope than the plan's`);
  track.approvals.push(data);
}

function waveOpened(
  track: PromotionTrack,
  entry: Recorded,
  facts: DeclaredFacts,
  slackMs: number,
  report: Report,
): void {
  const { wave, verdicts, until } = entry.data as Data<'promotion.wave-opened'>;
  const { index } = track;
  if (track.phase !== 'awaiting') report('plan-order', `a ${track.phase} promotion opened wave ${wave}`);
  if (wave !== track.wave + 1) report('plan-order', `wave ${wave} was opened after wave ${track.wave}`);
  for (const cell of index.plan.cells)
    if (wave > 1 && !didWaves(track.rollouts.get(cell.cell), cell, wave - 1))
      report('plan-order', `wave ${wave} was opened before cell ${cell.cell} was done with the one before`);
  const decidedAt = entry.at - slackMs;
  if (decidedAt >= track.latestFinish) report('inside-window', `wave ${wave} was opened after the latest finish`);
  for (const gate of index.waveGates) checkVerdict(verdicts, gate, wave, report);
  const holding = new Set<string>();
  for (const a of track.approvals)
    if (a.expiresAt > decidedAt && a.envelope === track.envelope && !track.barred.includes(a.by)) holding.add(a.by);
  if (holding.size < index.approvals)
    report('covered-by-approvals', `${holding.size} of ${index.approvals} approvals held as wave ${wave} was opened`);
  facts.checkGates(index, entry.at, slackMs, report);
  facts.checkStandby(index, entry.at, slackMs, report);
  facts.checkMoved(index, entry.at, slackMs, report);
  waits('wave open', until, report);
  track.wave = wave;
  track.phase = 'advancing';
}

function checkVerdict(verdicts: readonly ShownVerdict[], gate: string, wave: number, report: Report): void {
  const verdict = verdicts.find((v) => v.gate === gate)?.verdict;
  if (verdict === 'pass' || verdict === 'waived') return;
  if (verdict === 'no-data' || verdict === 'error')
    report('data-not-missing', `wave ${wave} was opened although gate ${gate} said ${verdict}`);
  else report('after-gates', `wave ${wave} was opened while gate ${gate} said ${verdict ?? 'nothing'}`);
}

function decided(track: PromotionTrack, entry: Recorded, scope: Scope, facts: DeclaredFacts, report: Report): void {
  const declared = track.index.plan.rollbackScope;
  const widened = scope.kind === 'all' || (declared === 'tenant' && scope.kind === 'cell');
  if (scope.kind !== declared && !widened)
    report('named-tenants', `the plan declares ${declared}, the rollback takes ${scope.kind}`);
  if (entry.by !== 'sys' && !facts.hasRole(entry.by, ['operator', 'release-manager', 'admin', 'approver']))
    report('no-author-approves', `${entry.by} may not roll back`);
  track.scope = scope;
  track.phase = 'undoing';
}

/** It rests: nothing of it is handed out but soaks, and nobody is held; what was done stays, what was begun goes back, losing nothing. */
function overtaken(track: PromotionTrack, entry: Recorded, facts: DeclaredFacts, report: Report): void {
  const { scope, hotfix } = entry.data as Data<'promotion.overtaken'>;
  if (hotfix === '' || !facts.hasRole(entry.by, ['operator', 'release-manager', 'admin']))
    report('no-author-approves', `${entry.by} may not overtake`);
  if (track.wave === 0 || (track.phase !== 'awaiting' && track.phase !== 'paused' && track.phase !== 'held'))
    report('plan-order', `a promotion was overtaken in wave ${track.wave} while it was ${track.phase}`);
  for (const { cell, phase, begun, cursor } of track.rollouts.values()) {
    // A soak changes nothing, so it is no step to be in the middle of.
    if (phase === 'leased' && cell.steps[cursor]?.action.kind !== 'soak')
      report('holder-settles', `it was overtaken while cell ${cell.cell} was at a step`);
    const half = begun > 0 && cursor < cell.steps.length;
    if (phase !== 'settled' && half !== (scope.cells?.includes(cell.cell) === true))
      report('named-tenants', `cell ${cell.cell} is ${half ? '' : 'not '}half way, and the overtaking says otherwise`);
  }
  track.scope = scope;
  track.phase = 'undoing';
}

function ended(track: PromotionTrack, { result }: Data<'promotion.ended'>, report: Report): void {
  const { index } = track;
  if (result === 'promoted') {
    for (const cell of index.plan.cells)
      if (!didWaves(track.rollouts.get(cell.cell), cell, index.plan.waves.length))
        report('plan-order', `the promotion ended well while cell ${cell.cell} had steps left`);
    if (track.wave !== index.plan.waves.length) report('plan-order', `it ended well after wave ${track.wave}`);
  }
  if (result === 'superseded') {
    for (const { cell, phase, undo, undoCursor } of track.rollouts.values())
      if (phase !== 'settled' && (undo === undefined || undoCursor < undo.ids.length))
        report('back-on-stable', `it was superseded while cell ${cell.cell} was still at it`);
  }
  if (result === 'rolled-back') {
    for (const rollout of track.rollouts.values())
      if (rollout.phase !== 'settled') report('back-on-stable', `cell ${rollout.cell.cell} was still at it`);
  }
  if ((result === 'rejected' || result === 'expired') && track.wave > 0)
    report('back-on-stable', `it ended as ${result} after wave ${track.wave} was opened`);
  track.phase = 'ended';
  track.result = result;
}

/** A wait says for what, and until when. */
export function waits(reason: string, until: number, report: Report): void {
  if (reason === '') report('ends-or-waits', 'a wait gives no reason');
  if (!Number.isFinite(until)) report('ends-or-waits', `a wait has no end: ${reason}`);
}
