/** Exact decimals of any length up to a bound: whole numbers of the smallest digit. No floating point, not even in between. */

export interface Decimal {
  /** The number times ten to the power of `scale`. */
  readonly units: bigint;
  readonly scale: number;
}

/** Digits that a value may have: far beyond any amount, and short enough to add up by the million. */
const MAX_LENGTH = 100;

const ZERO: Decimal = { units: 0n, scale: 0 };

/** A text, number or bigint as a decimal; undefined when it is none (`1e21`, `abc`, too long). */
export function parseDecimal(value: unknown): Decimal | undefined {
  if (Number.isSafeInteger(value)) return { units: BigInt(value as number), scale: 0 };
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const text = String(value);
  if (text.length > MAX_LENGTH) return undefined;
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = ''] = match;
  const units = BigInt(`${whole}${fraction}`);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

export function plus(a: Decimal, b: Decimal): Decimal {
  // Of one field's amounts nearly all are alike, and there may be millions.
  if (a.scale === b.scale) return { units: a.units + b.units, scale: a.scale };
  const scale = Math.max(a.scale, b.scale);
  return { units: atScale(a, scale) + atScale(b, scale), scale };
}

export function minus(a: Decimal, b: Decimal): Decimal {
  return plus(a, { units: -b.units, scale: b.scale });
}

export function absolute(a: Decimal): Decimal {
  return a.units < 0n ? { units: -a.units, scale: a.scale } : a;
}

/** Below zero, zero or above, as a sort's comparison. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const { units } = minus(a, b);
  return units < 0n ? -1 : units > 0n ? 1 : 0;
}

/** The shortest text: `10.10` and `010.1` are both `10.1`, and there is one zero. */
export function decimalText({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${scale > 0 && fraction !== '' ? `.${fraction}` : ''}`;
}

/** The sum of texts; what is no decimal makes it undefined. */
export function sumOf(texts: Iterable<string>): Decimal | undefined {
  let sum: Decimal | undefined = ZERO;
  for (const text of texts) {
    const value = parseDecimal(text);
    if (value === undefined) return undefined;
    sum = plus(sum, value);
  }
  return sum;
}

/**
 * An amount as an accountant writes it: `EUR 1,234.50`. `minorDigits`: how many of the number's last digits are behind
 * the point, for amounts that are kept in cents.
 */
export function moneyText(text: string, minorDigits = 0, unit?: string): string {
  const value = parseDecimal(text);
  if (value === undefined) return text;
  const shifted = decimalText({ units: value.units, scale: value.scale + minorDigits });
  const [whole, fraction = ''] = shifted.replace('-', '').split('.');
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ',');
  const places = fraction.padEnd(minorDigits, '0');
  const amount = `${shifted.startsWith('-') ? '-' : ''}${grouped}${places === '' ? '' : `.${places}`}`;
  return unit === undefined ? amount : `${unit} ${amount}`;
}

function atScale({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}
