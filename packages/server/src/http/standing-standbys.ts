/** How the standbys of each environment stand, counted for a scrape. */
import { type Counted, seenStandbys } from '@headgate/adapters/control/postgres/index';
import { type StandbyState, standbyState } from '@headgate/domain';

export const STANDBY_STATES: readonly StandbyState[] = ['ready', 'not-ready', 'unseen'];

export interface EnvironmentStandbys {
  readonly environment: string;
  readonly counts: Readonly<Record<StandbyState, number>>;
  /** Of those that follow, seen lately: the largest. Undefined: of none it is known. */
  readonly lagMs: number | undefined;
  readonly lagBytes: number | undefined;
  readonly ageMs: number;
}

const counted = new WeakMap<Counted['standbys'], readonly EnvironmentStandbys[]>();

/** One line an environment that has any. */
export function standbysOf({ standbys }: Pick<Counted, 'standbys'>): readonly EnvironmentStandbys[] {
  const known = counted.get(standbys) ?? count(standbys);
  counted.set(standbys, known);
  return known;
}

function count(rows: Counted['standbys']): readonly EnvironmentStandbys[] {
  const found = new Map<string, EnvironmentStandbys>();
  const largest = (a: number | undefined, b: number | undefined) =>
    a === undefined ? b : b === undefined ? a : Math.max(a, b);
  for (const { environment, now, ...row } of rows)
    for (const seen of seenStandbys(row)) {
      const none = { ready: 0, 'not-ready': 0, unseen: 0 };
      const so = found.get(environment) ?? {
        environment,
        counts: none,
        lagMs: undefined,
        lagBytes: undefined,
        ageMs: 0,
      };
      const state = standbyState(seen, now);
      // An old look’s lag would be a lie.
      const follows = state !== 'unseen' && seen.standing === 'following';
      found.set(environment, {
        environment,
        counts: { ...so.counts, [state]: so.counts[state] + 1 },
        lagMs: follows ? largest(so.lagMs, seen.lagMs) : so.lagMs,
        lagBytes: follows ? largest(so.lagBytes, seen.lagBytes) : so.lagBytes,
        ageMs: Math.max(so.ageMs, now - seen.at),
      });
    }
  return [...found.values()];
}
