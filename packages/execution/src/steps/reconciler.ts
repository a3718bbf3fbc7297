import type { ReconciliationSummary } from '@headgate/domain';
import type { Difference } from '../ports/ledger-sides.ts';
import { done, failed, overdue, pause, type StepExecutor } from './step-executor.ts';

const LOOK_EVERY_MS = 250;
/** So many differences are named to the person who is asked; the others are counted. */
const NAMED = 20;

/**
 * Finds what was caught half way and mends what the document has a rule for, until both sides agree. Customers go on
 * working, so only what differed at the first look is pursued (later differences are new business under way), and a
 * rule is applied only to what two looks in a row saw the same. What still differs when the document's time to settle
 * is over, counted from the last thing that was mended, is put before a person.
 */
export const reconcile: StepExecutor<'reconcile'> = async ({ store, reconciliation, tenants }, ctx, ports) => {
  const document = await ctx.document(reconciliation.digest);
  const counts = { replayed: 0, acknowledged: 0 };
  let settledBy = performance.now() + ports.ledgerSides.settleMs(document);
  let before: ReadonlyMap<string, Difference> | undefined;
  for (;;) {
    const late = overdue(ctx);
    if (late) return late;
    const { compared, differences } = await ports.ledgerSides.compare(document, store, tenants, ctx);
    const pursued = before ? differences.filter((each) => before!.has(each.key)) : differences;
    if (pursued.length === 0) return done({ reconciliation: summary(compared, counts, 0) });
    const covered = pursued.filter((each) => each.effect !== undefined && same(before?.get(each.key), each));
    let mended = 0;
    if (covered.length > 0) {
      const answer = await ports.ledgerSides.apply(document, store, covered, ctx);
      if (!answer.ok) return failed(answer.code, answer.why);
      counts.replayed += answer.value.replayed;
      counts.acknowledged += answer.value.acknowledged;
      mended = answer.value.replayed + answer.value.acknowledged;
    }
    if (mended > 0) {
      ctx.log(`store ${store}: ${counts.replayed} replayed, ${counts.acknowledged} acknowledged`);
      settledBy = performance.now() + ports.ledgerSides.settleMs(document);
    } else if (before && performance.now() >= settledBy) {
      ctx.log(`store ${store}: ${pursued.length} differences for a person: ${name(pursued)}`);
      return done({ reconciliation: summary(compared, counts, pursued.length) });
    }
    before = new Map(pursued.map((each) => [each.key, each]));
    await pause(LOOK_EVERY_MS, ctx.signal);
  }
};

function same(a: Difference | undefined, b: Difference): boolean {
  return a !== undefined && a.rule === b.rule && a.why === b.why;
}

function summary(
  compared: number,
  counts: { replayed: number; acknowledged: number },
  asked: number,
): ReconciliationSummary {
  return { compared, ...counts, asked, agrees: asked === 0 };
}

function name(differences: readonly Difference[]): string {
  const named = differences.slice(0, NAMED).map(({ key, why }) => `${key} (${why.slice(0, 100)})`);
  return differences.length > NAMED ? `${named.join('; ')} and ${differences.length - NAMED} more` : named.join('; ');
}
