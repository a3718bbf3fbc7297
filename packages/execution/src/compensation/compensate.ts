/**
 * Carries a compensation plan out that people have approved: looks anew, does what the plan says of what is still exactly
 * so, in one fenced transaction, and compares again once it has settled. It chooses nothing: what changed or came since is
 * left alone, and what is a person's to decide is never done.
 */
import {
  type CompensationLine,
  type CompensationPlan,
  type CoveredCompensation,
  coversCompensation,
  type FailureCode,
  lineName,
  lineOf,
  planCompensation,
  sameLine,
  sumsAgree,
} from '@headgate/domain';
import type { Difference, LedgerSides, Mended } from '../ports/ledger-sides.ts';
import type { StepContext } from '../ports/step-context.ts';
import { type LookedTwice, lookTwice } from './look-twice.ts';

export interface CompensationAsk {
  readonly approved: CompensationPlan;
  /** The document that the plan names. */
  readonly document: unknown;
  /** Is told what both sides have, and what is about to be done, before anything is. */
  begins(before: LookedTwice, covered: CoveredCompensation): Promise<void>;
  /** Is told what was changed, before anything else can go wrong. */
  did(done: Mended): Promise<void>;
}

/** What a step's context has of it: no bytes are fetched. */
export type CompensationContext = Pick<StepContext, 'cell' | 'fence' | 'remainingMs' | 'signal'>;

export interface Compensated {
  readonly done: Mended;
  readonly covered: CoveredCompensation;
  readonly after: LookedTwice;
  readonly agrees: boolean;
}

export type CompensationOutcome =
  | { readonly ok: true; readonly value: Compensated }
  | { readonly ok: false; readonly code: FailureCode; readonly why: string };

/** May be called again after it was killed anywhere: what is done is gone, or its rule changes nothing the second time. */
export async function compensate(
  { approved, document, begins, did }: CompensationAsk,
  ctx: CompensationContext,
  sides: LedgerSides,
): Promise<CompensationOutcome> {
  const look = () => lookTwice(() => sides.compare(document, approved.store, approved.among, ctx), ctx.signal);
  const before = await look();
  const covered = coversCompensation(approved, planCompensation(approved, before.lasting, approved.money));
  await begins(before, covered);
  let done: Mended = { replayed: 0, acknowledged: 0, cancelled: 0, posted: 0 };
  if (covered.covered.length > 0) {
    if (ctx.signal.aborted || ctx.remainingMs() <= 0)
      return { ok: false, code: 'expired', why: 'the time for it had run out before anything was changed' };
    const answer = await sides.apply(document, approved.store, inOrder(before.lasting, covered.covered), ctx);
    if (!answer.ok) return answer;
    done = answer.value;
    await did(done);
  }
  const after = await settled(approved, covered, look, sides.settleMs(document));
  return { ok: true, value: { done, covered, after, agrees: after.lasting.length === 0 && sumsAgree(after.sums) } };
}

/** The differences that the plan's lines are of, in its order. */
function inOrder(found: readonly Difference[], lines: readonly CompensationLine[]): readonly Difference[] {
  const by = new Map<string, Difference[]>();
  for (const each of found) by.set(lineName(each), [...(by.get(lineName(each)) ?? []), each]);
  return lines.flatMap((line) => (by.get(lineName(line)) ?? []).filter((each) => sameLine(lineOf(each), line)));
}

/**
 * Looks until nothing is left but what was left alone, or the document's time to settle is over. What the plan's own lines
 * turned into is waited for, also where an earlier time was interrupted: the system itself may be at work on it.
 */
async function settled(
  { lines }: CompensationPlan,
  { asked, changed, fresh }: CoveredCompensation,
  look: () => Promise<LookedTwice>,
  settleMs: number,
): Promise<LookedTwice> {
  const until = performance.now() + settleMs;
  const doing = new Set(lines.filter(({ effect }) => effect !== 'ask').map(lineName));
  const left = new Map(
    [...asked, ...changed, ...fresh].flatMap((line) => (doing.has(lineName(line)) ? [] : [[lineName(line), line]])),
  );
  const alone = (each: CompensationLine): boolean => {
    const line = left.get(lineName(each));
    return line !== undefined && sameLine(line, each);
  };
  for (;;) {
    const looked = await look();
    if (performance.now() >= until || looked.lasting.map(lineOf).every(alone)) return looked;
  }
}
