/** Operators and casts of people's own, as the catalogue's queries answer them. */
import type { Cast, Operator, Routine } from '@headgate/migrations';

const VOLATILITIES: Readonly<Record<string, Routine['volatility']>> = { i: 'immutable', s: 'stable', v: 'volatile' };

/** What PostgreSQL's letter says; one that isn't known is volatile. */
export function volatilityOf(letter: string): Routine['volatility'] {
  return VOLATILITIES[letter] ?? 'volatile';
}

export interface OperatorRow extends Pick<Operator, 'schema' | 'name' | 'calls'> {
  readonly volatility: string;
  readonly left: string | null;
  readonly right: string | null;
}

/** An operator; one before its operand has no left one. */
export function operatorOf({ left, right, volatility, ...operator }: OperatorRow): Operator {
  return {
    ...operator,
    ...(left === null ? {} : { left }),
    ...(right === null ? {} : { right }),
    volatility: volatilityOf(volatility),
  };
}

export interface CastRow extends Pick<Cast, 'from' | 'to' | 'calls' | 'applies'> {
  readonly volatility: string;
}

/** A cast by a function. */
export function castOf(row: CastRow): Cast {
  return { ...row, volatility: volatilityOf(row.volatility) };
}
