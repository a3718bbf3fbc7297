import type { Simulated } from './simulate.ts';

/** The figures of a run, as `--json` prints them. */
export interface Summary {
  readonly promotionsPerMinute: number;
  /** By the clock on the wall, all shards together. */
  readonly eventsPerSecond: number;
  readonly violations: number;
  readonly promotions: number;
  /** Entries that the shipped deciders appended. */
  readonly events: number;
  readonly eventsPerMinute: number;
  /** By the processor time used, so that a busy machine does not blur it: what one core does in a minute. */
  readonly eventsPerCoreMinute: number;
  readonly completed: number;
  /** Of those that completed: how many finished what a promotion that was kept half way had left. */
  readonly rests: number;
  /** Carried out in each of the others that completed; 0 when there are none. */
  readonly fewestSteps: number;
  readonly virtualDays: number;
  readonly results: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly shards: number;
  readonly wallMs: number;
  readonly cpuMs: number;
}

export function summaryOf(run: Simulated, seed: number, cpuMs: number): Summary {
  return figures({
    violations: run.found === undefined ? 0 : run.found.violations.length,
    promotions: run.promotions,
    events: run.events,
    completed: run.completed,
    rests: run.rests,
    fewestSteps: run.fewestSteps ?? 0,
    virtualDays: run.virtualMs / 86_400_000,
    results: run.results,
    seed,
    shards: 1,
    wallMs: run.wallMs,
    cpuMs,
  });
}

/** The figures of shards that ran side by side. */
export function summaryOfShards(all: readonly Summary[], seed: number): Summary {
  const sum = (of: (s: Summary) => number): number => all.reduce((total, s) => total + of(s), 0);
  const results: Record<string, number> = {};
  for (const s of all)
    for (const [name, count] of Object.entries(s.results)) results[name] = (results[name] ?? 0) + count;
  const fewest = all.filter((s) => s.completed > s.rests).map((s) => s.fewestSteps);
  return figures({
    violations: sum((s) => s.violations),
    promotions: sum((s) => s.promotions),
    events: sum((s) => s.events),
    completed: sum((s) => s.completed),
    rests: sum((s) => s.rests),
    fewestSteps: fewest.length > 0 ? Math.min(...fewest) : 0,
    virtualDays: sum((s) => s.virtualDays),
    results,
    seed,
    shards: all.length,
    wallMs: Math.max(...all.map((s) => s.wallMs)),
    cpuMs: sum((s) => s.cpuMs),
  });
}

type Counted = Omit<Summary, 'promotionsPerMinute' | 'eventsPerSecond' | 'eventsPerMinute' | 'eventsPerCoreMinute'>;

function figures(counted: Counted): Summary {
  const { promotions, events, wallMs, cpuMs } = counted;
  const { violations, ...rest } = counted;
  return {
    promotionsPerMinute: Math.round((promotions / wallMs) * 60_000),
    eventsPerSecond: Math.round((events / wallMs) * 1_000),
    violations,
    eventsPerMinute: Math.round((events / wallMs) * 60_000),
    eventsPerCoreMinute: Math.round((events / cpuMs) * 60_000),
    ...rest,
    virtualDays: Math.round(rest.virtualDays),
    wallMs: Math.round(wallMs),
    cpuMs: Math.round(cpuMs),
  };
}
