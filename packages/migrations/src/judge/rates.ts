/**
 * How fast PostgreSQL reads and writes a table: what estimates of a duration stand on. The slow end is a network disk with
 * nothing in its cache, the fast end local flash with the table in memory. Whoever has measured gives their own.
 */
import type { Work, WorkKind } from '../effects/effects.ts';

export interface Speed {
  readonly bytesPerSecond: number;
  readonly rowsPerSecond: number;
}

export type Rates = Readonly<Record<WorkKind, { readonly slow: Speed; readonly fast: Speed }>>;

const SCAN = {
  slow: { bytesPerSecond: 100e6, rowsPerSecond: 2e6 },
  fast: { bytesPerSecond: 1_500e6, rowsPerSecond: 15e6 },
};

/** Assumed until somebody measures. Bytes of the table (for a rewrite of its indexes, too) and rows a second. */
export const RATES: Rates = {
  scan: SCAN,
  read: SCAN,
  'index-build': {
    slow: { bytesPerSecond: 30e6, rowsPerSecond: 300e3 },
    fast: { bytesPerSecond: 500e6, rowsPerSecond: 4e6 },
  },
  rewrite: {
    slow: { bytesPerSecond: 15e6, rowsPerSecond: 150e3 },
    fast: { bytesPerSecond: 250e6, rowsPerSecond: 2.5e6 },
  },
  write: {
    slow: { bytesPerSecond: 3e6, rowsPerSecond: 15e3 },
    fast: { bytesPerSecond: 60e6, rowsPerSecond: 600e3 },
  },
};

/** A duration as a range, in milliseconds. */
export interface Duration {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** How long some work takes; `undefined` when the table's size isn't known. */
export function durationOf(work: Work, rates: Rates): Duration | undefined {
  if (work.fresh) return { leastMs: 0, mostMs: 0 };
  if (work.rows === null && work.bytes === null) return undefined;
  const { slow, fast } = rates[work.kind];
  const leastMs = work.partly ? 0 : at(work, fast);
  return { leastMs, mostMs: at(work, slow) };
}

/** Work that comes one after the other; `undefined` as soon as any of it isn't known. */
export function together(durations: readonly (Duration | undefined)[]): Duration | undefined {
  let leastMs = 0;
  let mostMs = 0;
  for (const each of durations) {
    if (each === undefined) return undefined;
    leastMs += each.leastMs;
    mostMs += each.mostMs;
  }
  return { leastMs, mostMs };
}

function at({ rows, bytes }: Work, speed: Speed): number {
  return Math.max((rows ?? 0) / speed.rowsPerSecond, (bytes ?? 0) / speed.bytesPerSecond) * 1_000;
}

/** For people: `4 to 40 s`. */
export function durationText(duration: Duration | undefined): string {
  if (duration === undefined) return 'as long as it takes: the table’s size isn’t known';
  const { leastMs, mostMs } = duration;
  if (mostMs < 1) return 'an instant';
  const [unit, ms] = UNITS.find(([, each]) => mostMs >= 1.5 * each) ?? ['ms', 1];
  const least = round(leastMs / ms);
  const most = round(mostMs / ms);
  return least === most || least === '0' ? `up to ${most} ${unit}` : `${least} to ${most} ${unit}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

function round(value: number): string {
  return value >= 10 ? value.toFixed(0) : String(Number(value.toFixed(1)));
}
