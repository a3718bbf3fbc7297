/** Amounts are whole minor units (cents) in a bigint; nothing here ever passes through a floating-point number. */
export type Cents = bigint;

/** Divides and rounds half away from zero, which is how the amounts of an invoice are rounded by law and by habit. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const top = numerator < 0n ? -numerator : numerator;
  const bottom = denominator < 0n ? -denominator : denominator;
  const quotient = (top + bottom / 2n) / bottom;
  return negative ? -quotient : quotient;
}

/** The given hundredths of a percent of an amount, in cents. */
export function basisPoints(amount: Cents, points: number): Cents {
  return divideRounded(amount * BigInt(points), 10_000n);
}

/** A share of an hourly rate: `minutes` at `ratePerHour` cents, in cents. */
export function timeAmount(minutes: number, ratePerHour: Cents): Cents {
  return divideRounded(BigInt(minutes) * ratePerHour, 60n);
}

/** The JSON number of an amount. Throws rather than lose a cent beyond 2^53. */
export function centsToJson(amount: Cents): number {
  const number = Number(amount);
  if (!Number.isSafeInteger(number)) throw new RangeError(`amount ${amount} does not fit a JSON number exactly`);
  return number;
}
