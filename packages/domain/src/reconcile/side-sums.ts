/** The sums of both sides, field by field and unit by unit: what must be equal at the end, to the last digit. */
import { compareDecimals, type Decimal, decimalText, minus, parseDecimal, plus } from './decimal.ts';
import type { Amount } from './difference.ts';

export interface SideSum {
  readonly field: string;
  readonly unit?: string;
  readonly left: string;
  readonly right: string;
}

const ZERO: Decimal = { units: 0n, scale: 0 };

/**
 * The sums without the amounts of some transactions: of what came later, customers' new business, which is on one side a
 * moment before it is on the other. What is no decimal adds nothing here: it is a difference by itself.
 */
export function sumsWithout(sums: readonly SideSum[], later: Iterable<Amount>): readonly SideSum[] {
  const less = new Map<string, { left: Decimal; right: Decimal }>();
  for (const amount of later) {
    const of = nameOf(amount);
    const sum = less.get(of) ?? { left: ZERO, right: ZERO };
    less.set(of, { left: plus(sum.left, decimal(amount.left)), right: plus(sum.right, decimal(amount.right)) });
  }
  return sums.map((sum) => {
    const taken = less.get(nameOf(sum));
    if (taken === undefined) return sum;
    const left = decimalText(minus(decimal(sum.left), taken.left));
    const right = decimalText(minus(decimal(sum.right), taken.right));
    return { ...sum, left, right };
  });
}

/** Whether every sum is the same on both sides, exactly. */
export function sumsAgree(sums: readonly SideSum[]): boolean {
  return sums.every(({ left, right }) => compareDecimals(decimal(left), decimal(right)) === 0);
}

/** Adds up what each side has of one field, row by row; asked for at the end. */
export class SumKeeper {
  readonly #field: string;
  readonly #units = new Map<string | undefined, { left: Decimal; right: Decimal }>();

  constructor(field: string) {
    this.#field = field;
  }

  add(side: 'left' | 'right', unit: string | undefined, value: unknown): void {
    let sum = this.#units.get(unit);
    if (sum === undefined) {
      sum = { left: ZERO, right: ZERO };
      this.#units.set(unit, sum);
    }
    sum[side] = plus(sum[side], parseDecimal(value) ?? ZERO);
  }

  sums(): readonly SideSum[] {
    return [...this.#units].map(([unit, { left, right }]) => ({
      field: this.#field,
      ...(unit !== undefined && { unit }),
      left: decimalText(left),
      right: decimalText(right),
    }));
  }
}

function nameOf({ field, unit }: { readonly field: string; readonly unit?: string }): string {
  return `${field} ${unit ?? ''}`;
}

function decimal(text: string | null): Decimal {
  return parseDecimal(text) ?? ZERO;
}
