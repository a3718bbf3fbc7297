import { mean, median } from './arithmetic.ts';

export interface Steadiness {
  /** Rounds at least, however well they agree; and at most, however badly. */
  readonly least: number;
  readonly most: number;
  /** The standard error of the median that is good enough. */
  readonly within: number;
}

export interface Steadied {
  readonly value: number;
  /** The standard error that it has. */
  readonly error: number;
  readonly rounds: number;
}

/**
 * The median of as many rounds as it takes until it is known well enough. Whether to go on is decided by how much rounds differ
 * and never by what they say, so no figure is measured until it pleases.
 */
export async function steadyMedian(round: () => Promise<number>, until: Steadiness): Promise<Steadied> {
  const values: number[] = [];
  for (;;) {
    values.push(await round());
    const [value, error, rounds] = [median(values), errorOfMedian(values), values.length];
    const settled = rounds >= until.least && error <= until.within;
    if (settled || rounds >= until.most || Number.isNaN(value)) return { value, error, rounds };
  }
}

/** The standard error of a median of values that are spread about as a normal distribution is. NaN for fewer than two. */
export function errorOfMedian(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return 1.2533 * Math.sqrt(squares / (values.length - 1) / values.length);
}
