import type { CaughtTransaction, SideSum } from '@headgate/domain';
import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** One business fact as one side has it: its key, whose it is, and the fields that must agree. */
export interface LedgerRow {
  readonly key: string;
  readonly tenant: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

/** A difference, classified and given to the rule that covers it. */
export interface Difference extends CaughtTransaction {
  readonly left: LedgerRow | undefined;
  readonly right: LedgerRow | undefined;
  /** What somebody asked for; there where neither side has it. */
  readonly asked?: LedgerRow | undefined;
}

export interface Comparison {
  readonly compared: number;
  readonly differences: readonly Difference[];
  /** Of everything that each side has, the differences' amounts too. */
  readonly sums: readonly SideSum[];
}

/** How many differences each kind of effect changed something about. */
export interface Mended {
  readonly replayed: number;
  readonly acknowledged: number;
  readonly cancelled: number;
  readonly posted: number;
}

/** How long a look may take; it has no fence, since it has no effect. */
export type Looking = Pick<StepContext, 'remainingMs' | 'signal'>;

/** The two sides of a Reconciliation document: what the store says and what the other system says. */
export interface LedgerSides {
  /** Reads both sides for these tenants and classifies what differs. Throws when the document itself is bad. */
  compare(reconciliation: unknown, store: string, tenants: readonly string[], ctx: Looking): Promise<Comparison>;
  /** Applies the rules to the differences that they cover, in one fenced transaction. Idempotent: counts what changed something. */
  apply(
    reconciliation: unknown,
    store: string,
    differences: readonly Difference[],
    ctx: Looking & Pick<StepContext, 'cell' | 'fence'>,
  ): Promise<Answer<Mended>>;
  /** How long the sides may take to agree after rules were applied. Milliseconds, from the document. */
  settleMs(reconciliation: unknown): number;
}
