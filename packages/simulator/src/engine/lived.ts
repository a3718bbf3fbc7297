import type { Digest, Plan } from '@headgate/domain';
import type { Recorded, Violation } from '../history/recorded.ts';
import type { Completed } from '../world/check-size.ts';

/** What is left of a run when it is over. */
export interface Lived {
  readonly violations: readonly Violation[];
  /** Entries that the shipped deciders appended. */
  readonly events: number;
  /** Promotions that ended, by result. */
  readonly results: readonly string[];
  /** Promotions that completed: what each took. */
  readonly completed: readonly Completed[];
  readonly virtualMs: number;
  readonly entries: readonly Recorded[];
  /** The plans of its promotions. */
  readonly plans: ReadonlyMap<Digest, Plan>;
}

/** Whether an entry comes from the shipped deciders; what people declare doesn't count. */
export function isDecided(type: string): boolean {
  return type.startsWith('rollout.') || type.startsWith('promotion.') || type.startsWith('hypercare.');
}
