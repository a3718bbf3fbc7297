/** What a rehearsal promised against what production then took. */

/** A migration's time. */
export interface MigrationTime {
  readonly migration: string;
  /** Milliseconds. */
  readonly durationMs: number;
}

/** One migration, promised and measured. */
export type Kept =
  | {
      readonly migration: string;
      readonly verdict: 'kept' | 'slower' | 'faster';
      readonly promisedMs: number;
      readonly measuredMs: number;
      readonly ratio: number;
    }
  /** One of the two is missing: nothing is said of it, and it isn't kept. */
  | { readonly migration: string; readonly verdict: 'not-rehearsed'; readonly measuredMs: number }
  | { readonly migration: string; readonly verdict: 'not-measured'; readonly promisedMs: number };

/** How much longer than rehearsed still counts as kept: another machine, other load. */
export interface Tolerance {
  readonly factor: number;
  /** Below it nobody minds. Milliseconds. */
  readonly leastMs: number;
}

export const TOLERANCE: Tolerance = { factor: 1.5, leastMs: 250 };

/** Compares, in the order of what was promised; what was never rehearsed comes last. */
export function keptPromises(
  promised: readonly MigrationTime[],
  measured: readonly MigrationTime[],
  { factor, leastMs }: Tolerance = TOLERANCE,
): readonly Kept[] {
  const times = new Map(measured.map(({ migration, durationMs }) => [migration, durationMs]));
  const known = new Set(promised.map(({ migration }) => migration));
  return [
    ...promised.map(({ migration, durationMs: promisedMs }): Kept => {
      const measuredMs = times.get(migration);
      if (measuredMs === undefined) return { migration, verdict: 'not-measured', promisedMs };
      const ratio = measuredMs / Math.max(1, promisedMs);
      const minded = Math.abs(measuredMs - promisedMs) > leastMs;
      const verdict = minded && ratio > factor ? 'slower' : minded && ratio < 1 / factor ? 'faster' : 'kept';
      return { migration, verdict, promisedMs, measuredMs, ratio };
    }),
    ...measured
      .filter(({ migration }) => !known.has(migration))
      .map(({ migration, durationMs }): Kept => ({ migration, verdict: 'not-rehearsed', measuredMs: durationMs })),
  ];
}
