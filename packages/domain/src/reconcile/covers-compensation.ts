/** What of an approved plan may be done now: its lines are what somebody said yes to, and nothing beside them. */
import type { CompensationLine, CompensationPlan } from './compensation.ts';

export interface CoveredCompensation {
  /** Approved, still exactly so, and for a rule to do; in the plan's order. */
  readonly covered: readonly CompensationLine[];
  /** Approved, and gone by itself: nothing is to be done about it. */
  readonly gone: readonly CompensationLine[];
  /** Still so, and a person's to decide: never carried out. */
  readonly asked: readonly CompensationLine[];
  /** In the approved plan, and otherwise by now: as it is now. Left alone. */
  readonly changed: readonly CompensationLine[];
  /** Not in the approved plan. Left alone. */
  readonly fresh: readonly CompensationLine[];
}

/**
 * Compares an approved plan with what is found now, line by line. Of two plans of different stores or rules nothing is
 * covered: that they are the same is for the caller to refuse, and here for safety.
 */
export function coversCompensation(approved: CompensationPlan, now: CompensationPlan): CoveredCompensation {
  const before = new Map(approved.lines.map((line) => [lineName(line), line]));
  const there = new Set(now.lines.map(lineName));
  const same = samePlace(approved, now);
  const of = (take: (line: CompensationLine, was: CompensationLine | undefined) => boolean) =>
    now.lines.filter((line) => take(line, before.get(lineName(line))));
  const holds = (line: CompensationLine, was: CompensationLine | undefined): boolean =>
    same && was !== undefined && sameLine(was, line);
  return {
    covered: of((line, was) => holds(line, was) && line.effect !== 'ask'),
    gone: approved.lines.filter((line) => !there.has(lineName(line))),
    asked: of((line, was) => holds(line, was) && line.effect === 'ask'),
    changed: of((line, was) => was !== undefined && !holds(line, was)),
    fresh: of((_, was) => was === undefined),
  };
}

/** Whose, and which: what one line is about. */
export function lineName({ tenant, key }: Pick<CompensationLine, 'tenant' | 'key'>): string {
  return JSON.stringify([tenant, key]);
}

/** Whether two lines say the same to the last digit: the reason that a person read, and the values that a rule is given, included. */
export function sameLine(a: CompensationLine, b: CompensationLine): boolean {
  return wordsOf(a) === wordsOf(b);
}

function wordsOf({ key, tenant, class: kind, rule, effect, why, given, amounts }: CompensationLine): string {
  const each = amounts.map(({ field, unit, left, right }) => [field, unit ?? null, left, right]);
  return JSON.stringify([key, tenant, kind, rule, effect, why, given ?? null, each]);
}

function samePlace(a: CompensationPlan, b: CompensationPlan): boolean {
  return (['reconciliation', 'document', 'environment', 'cell', 'store'] as const).every((of) => a[of] === b[of]);
}
