/**
 * What an agent saw of a store's restore points and of its log, where they lie: in its cell's vault or in a repository of its own.
 * How much may be lost is the policy's to say; that nothing could be brought back, or that the log has a gap, needs nobody's word.
 */
import { ageText, durationText } from '../model/duration.ts';
import type { Instant } from '../model/identity.ts';

/** One look, as its agent tells it. Ages are by the machine that took and shipped, as of the telling, and the look's own by a monotonic clock. */
export interface ToldVault {
  readonly store: string;
  readonly where: 'vault' | 'repository';
  /** The newest restore point that could be brought back; absent: there is none, or nobody has looked yet. */
  readonly point?: { readonly id: string; readonly ageMs: number };
  /** What would be lost if the store were lost now: so much was written last. Milliseconds; absent: everything, or not known. */
  readonly lostMs?: number;
  /** Restore points that lie there and can't be brought back. */
  readonly unreadable?: number;
  /** A piece of the log is gone, by its name: nothing after it comes back. */
  readonly gap?: string;
  /** The store is half way back in its place, and its tenants are held: since when, and by what. */
  readonly halfWay?: string;
  /** Why the last look or the last round of the log did not get there. */
  readonly why?: string;
  /** What the agent's own configuration lets be lost. Milliseconds. */
  readonly rpoMs?: number;
  /** How old the last look is that got there. Milliseconds; absent: none did. */
  readonly ageMs?: number;
}

/** The same, dated by the control plane's clock. */
export interface SeenVault extends Omit<ToldVault, 'point' | 'lostMs' | 'ageMs'> {
  readonly cell: string;
  readonly point?: { readonly id: string; readonly takenAt: Instant };
  /** All that was written before then comes back. */
  readonly reachedAt?: Instant;
  /** When somebody looked who got there. */
  readonly at?: Instant;
}

/**
 * An agent looks every minute, at thousands of stores one after the other; what nobody saw for so long says nothing any more. Meanwhile
 * what would be lost grows. Milliseconds.
 */
export const VAULT_LOOK_MAX_AGE_MS = 3_600_000;
/** How far a look may be ahead of the clock. Milliseconds. */
const AHEAD_MS = 60_000;

/**
 * `half-way`: the store itself is being put back in its place, and whoever began that has to end it. `kept`: it could be brought back. `gap`: not beyond a piece of its log that is gone. `none`: nothing could be brought back.
 * `exposed`: more would be lost than the agent's configuration lets be. `unseen`: nobody knows.
 */
export const VAULT_STATES = ['half-way', 'none', 'gap', 'exposed', 'unseen', 'kept'] as const;
export type VaultState = (typeof VAULT_STATES)[number];

/** Dates a look by the moment at which it was told. */
export function seenVault(cell: string, told: ToldVault, toldAt: Instant): SeenVault {
  const { point, lostMs, ageMs, ...rest } = told;
  return {
    ...rest,
    cell,
    ...(point !== undefined && { point: { id: point.id, takenAt: toldAt - point.ageMs } }),
    ...(lostMs !== undefined && { reachedAt: toldAt - lostMs }),
    ...(ageMs !== undefined && { at: toldAt - ageMs }),
  };
}

/** Whether nobody has looked lately, or the look is dated ahead of now. */
export function isUnseen({ at }: SeenVault, now: Instant): boolean {
  return at === undefined || now - at > VAULT_LOOK_MAX_AGE_MS || now - at < -AHEAD_MS;
}

/** How a store's restore points stand, where no policy says how much may be lost. */
export function vaultState(seen: SeenVault, now: Instant): VaultState {
  // However long ago it was told: only its end ends it, and then its agent tells again.
  if (seen.halfWay !== undefined) return 'half-way';
  if (isUnseen(seen, now)) return 'unseen';
  if (seen.point === undefined) return 'none';
  if (seen.gap !== undefined) return 'gap';
  const lost = lostNowMs(seen, now);
  if (lost === undefined) return 'unseen';
  return seen.rpoMs !== undefined && lost > seen.rpoMs ? 'exposed' : 'kept';
}

/** What would be lost if the store were lost now. Milliseconds; undefined: everything, or nobody knows. */
export function lostNowMs({ point, reachedAt }: SeenVault, now: Instant): number | undefined {
  return point === undefined || reachedAt === undefined ? undefined : Math.max(0, now - reachedAt);
}

/** A look in one sentence: what could be brought back, what is wrong, and as of when. */
export function vaultText(seen: SeenVault, now: Instant): string {
  const { where, point, gap, halfWay, why, rpoMs, unreadable = 0, at } = seen;
  const half = halfWay === undefined ? '' : `HALF WAY back in its place: ${halfWay}`;
  if (at === undefined && half !== '') return half;
  if (at === undefined) return `nobody knows what lies in its ${where}${why === undefined ? '' : `: ${why}`}`;
  const lost = lostNowMs(seen, now);
  const over = lost !== undefined && rpoMs !== undefined && lost > rpoMs;
  const parts = [
    half,
    point === undefined
      ? `NO restore point in its ${where}: nothing could be brought back`
      : `newest restore point ${point.id} of ${ageText(Math.max(0, now - point.takenAt))} ago, in its ${where}`,
    ...(lost === undefined
      ? []
      : [
          `the last ${ageText(lost)} would be lost now${over ? `, its agent’s configuration allows ${durationText(rpoMs)}` : ''}`,
        ]),
    ...(gap === undefined ? [] : [`GAP in its log: ${gap}`]),
    ...(unreadable === 0
      ? []
      : [`${unreadable} restore ${unreadable === 1 ? 'point' : 'points'} can’t be brought back`]),
    ...(why === undefined ? [] : [`LAST TRY: ${why}`]),
    isUnseen(seen, now) ? seenText(at, now) : '',
  ];
  return parts.filter((each) => each !== '').join('; ');
}

/** What would mend it; empty where nothing is known to be wrong. */
export function vaultMend(seen: SeenVault, now: Instant): string {
  const { cell, store } = seen;
  const look = `headgate-agent restore-points list --config FILE --cell ${cell} --store ${store}`;
  switch (vaultState(seen, now)) {
    case 'kept':
      return '';
    case 'half-way':
      return `end its agent and go on: headgate-agent stop --config FILE --agent-only, then headgate-agent recover-store apply PROPOSAL --config FILE --as ID --approval FILE`;
    case 'unseen':
      return `see that the agent of ${cell} runs, and what it says: headgate-agent status --config FILE`;
    case 'gap':
      if (seen.where === 'repository') return `a restore point mends it: ${inRepository(store)}; look: ${look}`;
      return `a restore point mends it: its agent takes one within five minutes where vault.schedule is set, and else with the next promotion that migrates the store; look: ${look}`;
    case 'none':
    case 'exposed':
      if (seen.where === 'repository') return `let restore points be taken: ${inRepository(store)}; look: ${look}`;
      return `let restore points be taken by schedule (vault.schedule), and its log brought there (vault.wal); look: ${look}`;
  }
}

/** Who takes the restore points of a store with a repository of its own: its log goes there anyhow. */
function inRepository(store: string): string {
  return `its agent takes one with the next promotion that migrates the store, and by schedule where its cell’s file has a vault with vault.schedule (keyFile, store and recipients beside it; of ${store} no copy goes there); its log goes to the repository by itself (pgbackrest.logEveryMs)`;
}

function seenText(at: Instant, now: Instant): string {
  return now - at < -AHEAD_MS
    ? 'seen at a moment that is ahead of now'
    : `NOBODY HAS LOOKED since ${ageText(Math.max(0, now - at))} ago`;
}
