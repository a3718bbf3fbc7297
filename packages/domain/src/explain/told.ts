/**
 * As much of an explanation as one answer tells. A thousand cells may wait for the same thing: what tells most comes first, one
 * of each cause before a second of any, and what is left out is counted.
 */
import type { ToldTakenBack } from '../promotion/taken-back.ts';
import type { Objection } from '../protocol/agent-pins.ts';
import type { Explanation, Wait } from './explain-promotion.ts';

/** Waits and objections of one answer: a page of text each. */
export const MOST_TOLD = 20;

/** Some of a list, and how many are left out. */
export interface Told<T> {
  readonly told: readonly T[];
  readonly left: number;
}

/** Who ends a wait without anybody's doing anything. */
const BY_THEMSELVES: ReadonlySet<string> = new Set(['agent', 'time', 'headgate']);

/**
 * An explanation that is told as far as there is room; `waitsLeft` and `objectionsLeft` only where something is left out.
 * `takenBack`: what became of a promotion after its end, beside what was decided.
 */
export function toldExplanation(
  explanation: Explanation,
  takenBack?: ToldTakenBack,
): Explanation & {
  readonly waitsLeft?: number;
  readonly objectionsLeft?: number;
  readonly takenBack?: ToldTakenBack;
} {
  const waits = toldWaits(explanation.waits);
  const objections = toldObjections(explanation.objections);
  return {
    ...explanation,
    waits: waits.told,
    ...(waits.left > 0 && { waitsLeft: waits.left }),
    objections: objections.told,
    ...(objections.left > 0 && { objectionsLeft: objections.left }),
    ...(takenBack !== undefined && {
      takenBack,
      summary: `${explanation.summary.replace(/\.$/, '')}; ${takenBack.words}.`,
    }),
  };
}

/** Objections: the cause that most cells have first. */
export function toldObjections(all: readonly Objection[]): Told<Objection> {
  const cells = new Map<string, number>();
  for (const { why } of all) cells.set(why, (cells.get(why) ?? 0) + 1);
  return mostTelling(
    all,
    ({ why }) => why,
    ({ why }) => -(cells.get(why) ?? 0),
  );
}

/** Waits: the promotion's own first, then what a person ends, then what is overdue; those that are told stay in their order. */
function toldWaits(all: readonly Wait[]): Told<Wait> {
  const rank = ({ cell, unblock, overdue }: Wait): number => {
    if (cell === undefined) return 0;
    if (unblock.some(({ who }) => who.some((each) => !BY_THEMSELVES.has(each)))) return 1;
    return overdue ? 2 : 3;
  };
  const { told, left } = mostTelling(all, ({ why }) => why, rank);
  const chosen = new Set(told);
  return { told: all.filter((each) => chosen.has(each)), left };
}

/** The first of each cause, by rank, then their likes. */
function mostTelling<T>(all: readonly T[], causeOf: (each: T) => string, rankOf: (each: T) => number): Told<T> {
  if (all.length <= MOST_TOLD) return { told: all, left: 0 };
  const seen = new Set<string>();
  const firsts: T[] = [];
  const likes: T[] = [];
  for (const each of all.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    const cause = causeOf(each);
    (seen.has(cause) ? likes : firsts).push(each);
    seen.add(cause);
  }
  return { told: [...firsts, ...likes].slice(0, MOST_TOLD), left: all.length - MOST_TOLD };
}
