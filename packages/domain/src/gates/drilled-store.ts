/**
 * One store against what a policy asks of its recovery: by its last drill, and by what its agent saw of it in its vault. The gate
 * goes by it, and so does a plan that only states it.
 */
import { ageText, durationText } from '../model/duration.ts';
import { type DrillEvidence, rtoText } from '../vault/drill.ts';
import { isUnseen, lostNowMs, type SeenVault, vaultMend } from '../vault/vault-look.ts';
import { pass, stop, type Verdict, wholeNumber } from './gate.ts';

/** How far the clock of the machine that drilled may be ahead of ours. Milliseconds. */
const CLOCK_STEP_MS = 60_000;
export const RESTORE_DRILLED = 'restore-drilled';

export interface StoreName {
  readonly cell: string;
  readonly store: string;
}

/** What a policy asks. Milliseconds. */
export interface RecoveryTargets {
  readonly rtoMs: number;
  readonly rpoMs: number;
  readonly drillMaxAgeMs: number;
  /** The time counts only where it was measured to the first business transaction. */
  readonly transactions: boolean;
}

/** The targets that parameters say; undefined: they make no sense. */
export function targetsOf(params: Readonly<Record<string, unknown>>): RecoveryTargets | undefined {
  const [rtoMs, rpoMs, drillMaxAgeMs] = ['rtoMs', 'rpoMs', 'drillMaxAgeMs'].map((each) => wholeNumber(params, each));
  const { transactions = false } = params;
  if (!rtoMs || !rpoMs || !drillMaxAgeMs || typeof transactions !== 'boolean') return undefined;
  return { rtoMs, rpoMs, drillMaxAgeMs, transactions };
}

export function nameOf({ cell, store }: StoreName): string {
  return `${cell}/${store}`;
}

/** By its last drill alone. */
export function judgeDrilled(
  of: StoreName,
  drill: DrillEvidence | undefined,
  now: number,
  asked: RecoveryTargets,
): Verdict {
  const name = nameOf(of);
  const again = `run headgate-agent drill --config FILE --store ${of.store} --cell ${of.cell} --attach`;
  const no = (verdict: 'fail' | 'no-data' | 'error', why: string, unblock = again): Verdict =>
    stop(RESTORE_DRILLED, verdict, why, unblock, 'operator');
  if (drill === undefined) return no('no-data', `the store ${name} was never brought back in a drill`);
  const { at, because, missing, rtoMs, rpoMs, rtoUntil } = drill;
  const ageMs = now - at;
  if (!Number.isSafeInteger(at) || ageMs < -CLOCK_STEP_MS)
    return no('error', `the last drill of ${name} is dated ahead of now`, `set the clocks right and ${again}`);
  if (because.length > 0)
    return no(
      'fail',
      `the last drill of ${name} did not go well: ${because.join('; ')}`,
      `mend what it found, take a restore point, and ${again}`,
    );
  if (!drill.ok || missing.length > 0)
    return no('no-data', `the last drill of ${name} says nothing: ${missing.join('; ') || 'it doesn’t say why'}`);
  if (ageMs > asked.drillMaxAgeMs)
    return no(
      'fail',
      `the last drill of ${name} was ${ageText(ageMs)} ago, ${durationText(asked.drillMaxAgeMs)} are allowed`,
    );
  if (rtoMs === undefined || rpoMs === undefined) return no('no-data', `the last drill of ${name} measured no time`);
  if (asked.transactions && rtoUntil !== 'first-transaction')
    return no(
      'no-data',
      `the last drill of ${name} ran no business transaction`,
      `declare vault.drill.transactions for the cell ${of.cell}, and ${again}`,
    );
  if (rtoMs > asked.rtoMs)
    return no(
      'fail',
      `bringing back ${name} took ${rtoText(drill)}, ${durationText(asked.rtoMs)} are allowed`,
      `make the way back shorter or the target longer, and ${again}`,
    );
  if (rpoMs > asked.rpoMs)
    return no(
      'fail',
      `of ${name} the last ${ageText(rpoMs)} would be lost, ${durationText(asked.rpoMs)} are allowed`,
      `take restore points more often (vault.schedule.everyMs), and ${again}`,
    );
  const told = `back after ${rtoText(drill)}, at most the last ${ageText(rpoMs)} lost`;
  return pass(RESTORE_DRILLED, `${name} was drilled ${ageText(Math.max(0, ageMs))} ago: ${told}`);
}

/**
 * By what lies in its vault or repository as its agent saw it. What comes back ends at a gap, however little was written since: the
 * next moment is as lost as the last.
 */
export function judgeVault(of: StoreName, seen: SeenVault, now: number, { rpoMs }: RecoveryTargets): Verdict {
  const name = nameOf(of);
  const no = (verdict: 'fail' | 'no-data', why: string): Verdict =>
    stop(
      RESTORE_DRILLED,
      verdict,
      why,
      vaultMend(seen, now) || `take restore points more often (vault.schedule.everyMs)`,
      'operator',
    );
  const { where, point, gap, halfWay, at, why } = seen;
  if (halfWay !== undefined) return no('fail', `${name} is half way back in its place: ${halfWay}`);
  if (isUnseen(seen, now))
    return no(
      'no-data',
      `nobody has seen what lies in the ${where} of ${name}${at === undefined ? '' : ` since ${ageText(Math.max(0, now - at))} ago`}${why === undefined ? '' : `: ${why}`}`,
    );
  if (point === undefined) return no('fail', `there is no restore point of ${name} in its ${where}`);
  if (gap !== undefined) return no('fail', `the log of ${name} has a gap in its ${where}: ${gap}`);
  const lostMs = lostNowMs(seen, now);
  if (lostMs === undefined) return no('no-data', `it isn’t known what of ${name} would come back`);
  if (lostMs > rpoMs)
    return no('fail', `of ${name} the last ${ageText(lostMs)} would be lost now, ${durationText(rpoMs)} are allowed`);
  return pass(RESTORE_DRILLED, `now the last ${ageText(lostMs)} of ${name} would be lost`);
}
