/** Invariants that need the world beside the log: checked as entries come, and once more when a run is over. */
import {
  evolveHypercare,
  evolvePromotion,
  evolveRollout,
  type HypercareEvent,
  type PromotionEvent,
  type RolloutEvent,
} from '@headgate/domain';
import type { Run } from '../engine/run.ts';
import type { Recorded } from '../history/recorded.ts';
import { broughtBack } from '../history/scope.ts';
import { checkCell } from './check-cell.ts';
import { checkCompleted, checkPlanned } from './check-size.ts';
import { checkActivated, checkOpened } from './closings.ts';

/** What an entry claims about the world is so. */
export function checkOutcome(run: Run, entry: Recorded): void {
  if (entry.type === 'rollout.step-done') checkDone(run, entry);
  else if (entry.type === 'rollout.settled') checkSettled(run, entry);
  else if (entry.type === 'rollout.asked') checkAsked(run, entry);
  else if (entry.type.startsWith('promotion.')) checkSize(run, entry);
}

function checkSize({ checker }: Run, entry: Recorded): void {
  const track = checker.promotions.get(entry.stream);
  if (track === undefined) return;
  if (entry.type === 'promotion.requested') checkPlanned(track, checker.promotions, checker.report);
  else if (entry.type === 'promotion.ended' && track.result === 'promoted')
    checkCompleted(track, checker.promotions, checker.report);
}

function checkDone(run: Run, entry: Recorded): void {
  const { checker } = run;
  const track = checker.rollouts.get(entry.stream);
  if (track === undefined || track.undo !== undefined) return;
  const step = track.cell.steps[track.cursor - 1];
  const target = run.targets.cells.get(track.cell.cell);
  if (step === undefined || target === undefined) return;
  const { action } = step;
  const not = (what: string): void => checker.report('done-is-done', `${step.id} of cell ${track.cell.cell}: ${what}`);
  switch (action.kind) {
    case 'migrate':
      if ((target.stores.get(action.store)?.version ?? -1) < action.to) not(`store ${action.store} was not migrated`);
      return;
    case 'deploy':
      if (target.slots.get(action.slot)?.release !== action.release.digest) not('the release does not run');
      return;
    case 'route':
      if (action.tenants.some((t) => target.tenants.get(t)?.slot !== action.slot)) not('tenants were not moved');
      return;
    case 'hold':
    case 'open':
      if (action.tenants.some((t) => (target.tenants.get(t)?.held === true) !== (action.kind === 'hold')))
        not(`tenants were not ${action.kind === 'hold' ? 'held' : 'opened'}`);
      return;
  }
}

function checkSettled(run: Run, entry: Recorded): void {
  const { checker } = run;
  const track = checker.rollouts.get(entry.stream);
  if (track === undefined) return;
  const target = run.targets.cells.get(track.cell.cell);
  if (target === undefined) return;
  for (const [name, { held }] of target.tenants)
    if (held)
      checker.report(
        'held-briefly',
        `${name} is held in ${track.cell.cell}, whose rollout is settled: ${track.result}`,
      );
  checkOpened(target.closings, entry.at, track, checker);
  checkActivated(target.closings, target.tenants, track, checker);
  const { from, to } = track.cell.slot;
  if (track.undo !== undefined) {
    const { undo, undoCursor, declined, begun, cell } = track;
    for (const tenant of declined ? broughtBack(cell, begun, undo, undoCursor) : undo.back) {
      if (target.tenants.get(tenant)?.slot !== from)
        checker.report('back-on-stable', `${tenant} is not on the stable slot of ${track.cell.cell}`);
      if (target.tenants.get(tenant)?.held)
        checker.report('back-on-stable', `${tenant} was brought back in ${track.cell.cell}, and nobody serves them`);
    }
  } else if (track.result === 'completed') {
    for (const step of track.cell.steps)
      if (step.action.kind === 'route' && step.action.tenants.some((t) => target.tenants.get(t)?.slot !== to))
        checker.report('done-is-done', `cell ${track.cell.cell} counts as completed with tenants on slot ${from}`);
  }
}

/** Nobody is served by nobody for as long as an approver takes, except whom the step itself that is asked about may hold. */
function checkAsked({ checker, targets }: Run, entry: Recorded): void {
  const track = checker.rollouts.get(entry.stream);
  const { step } = entry.data as Extract<RolloutEvent, { type: 'rollout.asked' }>['data'];
  if (track?.undo?.agreed.has(step) !== true) return;
  const about = track.cell.steps.find(({ id }) => step === `undo.${id}`)?.of ?? [];
  for (const [name, { held }] of targets.cells.get(track.cell.cell)?.tenants ?? [])
    if (held && !about.includes(name))
      checker.report('held-briefly', `${name} is held in ${track.cell.cell} while an approver is asked for ${step}`);
}

/** At the end of a run nothing is left open, every row is the fold of its entries, and everybody is served. */
export function checkEnd(run: Run): void {
  const { checker } = run;
  for (const promotion of checker.promotions.values())
    if (promotion.phase !== 'ended')
      checker.report(
        'ends-or-waits',
        `promotion ${promotion.id} is ${promotion.phase}, and nothing will ever change it`,
      );
  for (const rollout of checker.active.values())
    checker.report('ends-or-waits', `rollout ${rollout.id} is ${rollout.phase}, and nothing will ever change it`);
  for (const target of run.targets.cells.values()) {
    checkCell(target, checker);
    for (const [name, { held }] of target.tenants)
      if (held)
        checker.report('ends-or-waits', `${name} is held in ${target.cell.cell}, and nothing will ever open it`);
  }
  if (run.scenario.index % 4 === 0 || run.scenario.faults.length > 1) checkFolds(run);
}

function checkFolds(run: Run): void {
  const folded = new Map<string, unknown>();
  for (const { stream, type, data } of run.entries) {
    const before = folded.get(stream);
    const event = { type, data } as never;
    if (type.startsWith('rollout.')) folded.set(stream, evolveRollout(before as never, event as RolloutEvent));
    else if (type.startsWith('promotion.'))
      folded.set(stream, evolvePromotion(before as never, event as PromotionEvent));
    else if (type.startsWith('hypercare.'))
      folded.set(stream, evolveHypercare(before as never, event as HypercareEvent));
  }
  const rows = run.database.loadNow([...folded.keys()]);
  for (const [stream, state] of folded)
    if (!same(state, rows.get(stream)?.state))
      run.checker.report('on-the-log-once', `the row of ${stream} is not the fold of its entries`);
}

/** Equality of plain JSON. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys)
    if (!same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  return true;
}
