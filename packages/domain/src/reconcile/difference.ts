import type { Digest } from '../model/identity.ts';
import type { TransactionClass } from './transaction-class.ts';

/**
 * What a rule does about a difference. Replay sends the fact again, under its own key; acknowledge records that the other
 * side has it; cancel takes it back; post-difference books what is missing between the two.
 */
export const EFFECTS = ['replay', 'acknowledge', 'cancel', 'post-difference'] as const;
export type Effect = (typeof EFFECTS)[number];

/** A number of a fact as each side has it, as exact decimals; null: that side has none. */
export interface Amount {
  readonly field: string;
  /** What it is counted in (a currency), where the document says which column tells. */
  readonly unit?: string;
  readonly left: string | null;
  readonly right: string | null;
}

/** A transaction on which two sides don't agree, or that was not brought to its end. */
export interface CaughtTransaction {
  readonly key: string;
  readonly tenant: string;
  readonly class: TransactionClass;
  /** Name of the rule that covers it; `undefined`: none does, a person must look. */
  readonly rule: string | undefined;
  /** What the rule does; `undefined`: it asks, or there is none. */
  readonly effect: Effect | undefined;
  readonly why: string;
  /** Digest of the values that its rule is given, compared or not; absent: no rule does anything. */
  readonly given?: Digest;
  /** Its compared numbers; of what a side has twice, the sum. */
  readonly amounts: readonly Amount[];
}
