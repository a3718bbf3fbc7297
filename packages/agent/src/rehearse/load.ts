/** How users work and how a promotion tries again in a pass under load, as a person says. */
import type { Load } from '@headgate/adapters/execution/rehearsal/index';
import type { Digest } from '@headgate/domain';

const OPTIONS = {
  sessions: { fallback: 4, least: 2, most: 64 },
  pace: { fallback: 100, least: 0, most: 60_000 },
  attempts: { fallback: 3, least: 2, most: 20 },
  seed: { fallback: undefined, least: 0, most: 2 ** 32 - 1 },
} as const;
type Option = keyof typeof OPTIONS;

export interface LoadAsked extends Omit<Load, 'seed'> {
  /** Undefined: the release's own. */
  readonly seed: number | undefined;
}

/** A text says what is wrong with it; undefined: nobody asked. */
export function loadAsked(
  values: Readonly<Partial<Record<Option, string>>> & { readonly 'under-load'?: boolean | undefined },
): LoadAsked | string | undefined {
  const given = (Object.keys(OPTIONS) as Option[]).filter((name) => values[name] !== undefined);
  if (values['under-load'] !== true) return given.length === 0 ? undefined : `--${given[0]} goes with --under-load`;
  const numbers: Partial<Record<Option, number>> = {};
  for (const [name, { fallback, least, most }] of Object.entries(OPTIONS) as [Option, (typeof OPTIONS)[Option]][]) {
    const text = values[name];
    const n = text === undefined ? fallback : /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (n === undefined) continue;
    if (!(n >= least && n <= most)) return `--${name}: expected a whole number from ${least} to ${most}`;
    numbers[name] = n;
  }
  const { sessions = 4, pace = 100, attempts = 3, seed } = numbers;
  return { sessions, everyMs: pace, attempts, seed };
}

/** The same moments each time for the same release, unless a person says another seed. */
export function loadOf({ seed, ...load }: LoadAsked, release: Digest): Load {
  return { ...load, seed: seed ?? Number.parseInt(release.slice('sha256:'.length, 'sha256:'.length + 8), 16) };
}
