/** The bench's own sums. What can't be computed is NaN, and NaN meets no target. */

/** The smallest sample that at least this share of all samples don't exceed (nearest rank). NaN for no samples. */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0 || samples.some(Number.isNaN) || !(share > 0 && share <= 1)) return Number.NaN;
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] as number;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Events a second. NaN when no time passed. */
export function rate(events: number, elapsedMs: number): number {
  return elapsedMs > 0 ? (events / elapsedMs) * 1_000 : Number.NaN;
}

/** NaN when there is nothing to compare with. */
export function ratio(value: number, of: number): number {
  return of > 0 ? value / of : Number.NaN;
}

export function mean(samples: readonly number[]): number {
  return samples.length === 0 ? Number.NaN : samples.reduce((a, b) => a + b, 0) / samples.length;
}
