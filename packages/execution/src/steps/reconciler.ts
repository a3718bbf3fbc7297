import {
  countClasses,
  type ReconciliationSummary,
  sumsAgree,
  sumsWithout,
  type TransactionClass,
  toldSums,
} from '@headgate/domain';
import type { Comparison, Difference, Mended } from '../ports/ledger-sides.ts';
import { done, failed, overdue, pause, type StepExecutor } from './step-executor.ts';

const LOOK_EVERY_MS = 250;
/** So many differences are named to the person who is asked; the others are counted. */
const NAMED = 20;

/**
 * Finds what was caught half way and mends what the document has a rule for, until both sides agree. Customers go on
 * working, so only what differed at the first look is pursued (later differences are new business under way), and a
 * rule is applied only to what two looks in a row saw the same. What still differs when the document's time to settle
 * is over, counted from the last thing that was mended, is put before a person. At the end the sides' sums must be equal,
 * too: they are added up over everything, and not over what was compared, so that they don't repeat its mistakes.
 */
export const reconcile: StepExecutor<'reconcile'> = async ({ store, reconciliation, tenants }, ctx, ports) => {
  const document = await ctx.document(reconciliation.digest);
  let counts: Mended = { replayed: 0, acknowledged: 0, cancelled: 0, posted: 0 };
  const classes = new Map<string, TransactionClass>();
  let settledBy = performance.now() + ports.ledgerSides.settleMs(document);
  let before: ReadonlyMap<string, Difference> | undefined;
  for (;;) {
    const late = overdue(ctx);
    if (late) return late;
    const comparison = await ports.ledgerSides.compare(document, store, tenants, ctx);
    const { differences } = comparison;
    const pursued = before ? differences.filter((each) => before!.has(nameOf(each))) : differences;
    if (pursued.length === 0) return done({ reconciliation: summary(comparison, counts, classes, []) });
    const covered = pursued.filter((each) => each.effect !== undefined && same(before?.get(nameOf(each)), each));
    let mended = 0;
    if (covered.length > 0) {
      const answer = await ports.ledgerSides.apply(document, store, covered, ctx);
      if (!answer.ok) return failed(answer.code, answer.why);
      const all = Object.values(answer.value) as number[];
      mended = all.reduce((sum, n) => sum + n, 0);
      counts = added(counts, answer.value);
      if (mended > 0) for (const each of covered) if (!classes.has(nameOf(each))) classes.set(nameOf(each), each.class);
    }
    if (mended > 0) {
      ctx.log(`store ${store}: ${inWords(counts)}`);
      settledBy = performance.now() + ports.ledgerSides.settleMs(document);
    } else if (before && performance.now() >= settledBy) {
      ctx.log(`store ${store}: ${pursued.length} differences for a person: ${inShort(pursued)}`);
      for (const each of pursued) if (!classes.has(nameOf(each))) classes.set(nameOf(each), each.class);
      return done({ reconciliation: summary(comparison, counts, classes, pursued) });
    }
    before = new Map(pursued.map((each) => [nameOf(each), each]));
    await pause(LOOK_EVERY_MS, ctx.signal);
  }
};

function nameOf({ tenant, key }: Difference): string {
  return `${tenant} ${key}`;
}

function same(a: Difference | undefined, b: Difference): boolean {
  return a !== undefined && a.rule === b.rule && a.why === b.why && a.class === b.class;
}

function added(a: Mended, b: Mended): Mended {
  return {
    replayed: a.replayed + b.replayed,
    acknowledged: a.acknowledged + b.acknowledged,
    cancelled: a.cancelled + b.cancelled,
    posted: a.posted + b.posted,
  };
}

function inWords({ replayed, acknowledged, cancelled, posted }: Mended): string {
  const seldom = [
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(posted > 0 ? [`of ${posted} the difference posted`] : []),
  ];
  return [`${replayed} replayed`, `${acknowledged} acknowledged`, ...seldom].join(', ');
}

function summary(
  { compared, differences, sums }: Comparison,
  { replayed, acknowledged, cancelled, posted }: Mended,
  classes: ReadonlyMap<string, TransactionClass>,
  left: readonly Difference[],
): ReconciliationSummary {
  const pursued = new Set(left.map(nameOf));
  const later = differences.filter((each) => !pursued.has(nameOf(each))).flatMap(({ amounts }) => amounts);
  const settled = sumsWithout(sums, later);
  return {
    compared,
    replayed,
    acknowledged,
    asked: left.length,
    ...(cancelled > 0 && { cancelled }),
    ...(posted > 0 && { posted }),
    ...(classes.size > 0 && { classes: countClasses(classes.values()) }),
    ...(sums.length > 0 && { sums: toldSums(settled) }),
    agrees: left.length === 0 && sumsAgree(settled),
  };
}

function inShort(differences: readonly Difference[]): string {
  const named = differences.slice(0, NAMED).map(({ key, why }) => `${key} (${why.slice(0, 100)})`);
  return differences.length > NAMED ? `${named.join('; ')} and ${differences.length - NAMED} more` : named.join('; ');
}
