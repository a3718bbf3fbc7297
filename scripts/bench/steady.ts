import { mean } from './arithmetic.ts';

export interface Steadiness {
  /** Rounds at least, however well they agree; and at most, however badly. */
  readonly least: number;
  readonly most: number;
  /** The standard error of the estimate that is good enough. */
  readonly within: number;
}

export interface Steadied {
  readonly value: number;
  /** The standard error that it has. */
  readonly error: number;
  readonly rounds: number;
}

/**
 * An estimate from as many rounds as it takes until it is known well enough. Whether to go on is decided by how much it hangs on
 * single rounds and never by what it says, so no figure is measured until it pleases.
 */
export async function steadied<R>(
  round: () => Promise<R>,
  estimate: (rounds: readonly R[]) => number,
  until: Steadiness,
): Promise<Steadied> {
  const all: R[] = [];
  for (;;) {
    all.push(await round());
    const [value, rounds] = [estimate(all), all.length];
    if (rounds < until.least && !Number.isNaN(value)) continue;
    const error = jackknife(all, estimate);
    if (error <= until.within || rounds >= until.most || Number.isNaN(value)) return { value, error, rounds };
  }
}

/**
 * The standard error of an estimate from rounds: how much it changes where one of them is left out (the delete-a-group jackknife;
 * each round is a group of many samples, which a quantile needs). NaN for fewer than two.
 */
export function jackknife<R>(rounds: readonly R[], estimate: (rounds: readonly R[]) => number): number {
  const without = rounds.map((_, left) => estimate(rounds.filter((_, i) => i !== left)));
  const middle = mean(without);
  const squares = without.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return rounds.length < 2 ? Number.NaN : Math.sqrt((squares * (rounds.length - 1)) / rounds.length);
}
