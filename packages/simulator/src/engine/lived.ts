import type { Digest, Plan } from '@headgate/domain';
import type { HistoryChecker } from '../history/history-checker.ts';
import type { Recorded, Violation } from '../history/recorded.ts';

/** What is left of a run when it is over. */
export interface Lived {
  readonly violations: readonly Violation[];
  /** Entries that the shipped deciders appended. */
  readonly events: number;
  /** Promotions that ended, by result. */
  readonly results: readonly string[];
  /** Steps that agents carried out in promotions that completed, the fewest of them; undefined when none completed. */
  readonly fewestSteps: number | undefined;
  readonly virtualMs: number;
  readonly entries: readonly Recorded[];
  /** The plans of its promotions. */
  readonly plans: ReadonlyMap<Digest, Plan>;
}

/** Steps that were carried out in each promotion that completed: the fewest. */
export function fewestSteps(checker: HistoryChecker): number | undefined {
  let fewest: number | undefined;
  for (const { result, rollouts } of checker.promotions.values()) {
    if (result !== 'promoted') continue;
    let steps = 0;
    for (const rollout of rollouts.values()) steps += rollout.cursor;
    fewest = Math.min(fewest ?? steps, steps);
  }
  return fewest;
}

/** Whether an entry comes from the shipped deciders; what people declare doesn't count. */
export function isDecided(type: string): boolean {
  return type.startsWith('rollout.') || type.startsWith('promotion.') || type.startsWith('hypercare.');
}
