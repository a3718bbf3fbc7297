/**
 * A standby of a store: what an agent saw of it, and whether one could fail over to it. What stands here is measured between
 * the primary and the standby; which lag is too much is the policy's to say.
 */
import { ageText, durationText } from '../model/duration.ts';
import type { Instant } from '../model/identity.ts';

/**
 * `following`: in recovery, of the same cluster, on the primary's timeline or one that it came from. `unreachable`: the standby
 * doesn't answer. `unknown`: it answers, and the primary or the login's rights don't let it be told. `other-cluster`: also of an
 * address that leads to the primary itself, or to a standby that is told under another name already.
 */
export const STANDBY_STANDINGS = [
  'following',
  'unreachable',
  'unknown',
  'promoted',
  'other-cluster',
  'other-timeline',
  'ahead',
] as const;
export type StandbyStanding = (typeof STANDBY_STANDINGS)[number];

/** What one look at a standby came to, as its agent tells it. */
export interface ToldStandby {
  readonly store: string;
  readonly name: string;
  readonly standing: StandbyStanding;
  /** Why it follows nothing, or can't be told, in words; of one that follows: none. */
  readonly why?: string;
  /** What of the primary's log it hasn't replayed. Bytes. */
  readonly lagBytes?: number;
  /** Since when the oldest of that has been written, at most. Milliseconds; absent: not known. */
  readonly lagMs?: number;
  /** Somebody paused its replay. */
  readonly paused?: true;
  /** Whether its receiver streams; absent: its login may not know. */
  readonly receiving?: boolean;
  /** How old the look was when it was told, by the agent's own monotonic clock. Milliseconds. */
  readonly ageMs: number;
}

/** The same, dated by the control plane's clock: never later than the look was. */
export interface SeenStandby extends Omit<ToldStandby, 'ageMs'> {
  readonly cell: string;
  readonly at: Instant;
}

/** A look that is older says nothing any more, where no policy says how old it may be. Milliseconds. */
export const LOOK_MAX_AGE_MS = 60_000;

/** How far a look may be ahead of the clock: the database's may step back as it fails over itself. Milliseconds. */
export const LOOK_AHEAD_MS = 5_000;

export type StandbyState = 'ready' | 'not-ready' | 'unseen';

/** How a standby stands where no policy says which lag is too much: it is replaying what the primary writes, or it isn't. */
export function standbyState(seen: SeenStandby, now: Instant): StandbyState {
  if (isStale(seen, now, LOOK_MAX_AGE_MS)) return 'unseen';
  const { standing, lagBytes, lagMs } = seen;
  if (standing === 'unreachable' || standing === 'unknown') return 'unseen';
  if (notFollowing(seen) !== undefined) return 'not-ready';
  return lagBytes === undefined || lagMs === undefined ? 'unseen' : 'ready';
}

/** Whether a look is too old to go by, or is dated ahead of now. */
export function isStale({ at }: SeenStandby, now: Instant, maxAgeMs: number): boolean {
  return !Number.isSafeInteger(at) || now - at > maxAgeMs || now - at < -LOOK_AHEAD_MS;
}

/** Why one couldn't fail over to a standby that was seen, whatever its lag is, and what mends that; undefined: nothing. */
export function notFollowing({
  standing,
  paused,
  receiving,
  name,
  why,
}: SeenStandby): { readonly why: string; readonly mend: string } | undefined {
  const anew = `make ${name} anew as a standby (pg_rewind or pg_basebackup)`;
  switch (standing) {
    case 'promoted':
      return { why: why ?? 'it was promoted, and takes writes of its own', mend: anew };
    case 'other-cluster':
      return {
        why: why ?? 'it is of another cluster',
        mend: `correct the address of ${name} in the agent's configuration`,
      };
    case 'other-timeline':
      return { why: why ?? 'it is on another timeline', mend: anew };
    case 'ahead':
      return { why: why ?? 'it has what the primary never wrote', mend: anew };
    case 'unreachable':
      return {
        why: why ?? 'it doesn’t answer',
        mend: `start ${name}, or correct its address in the agent's configuration`,
      };
    case 'unknown':
      return { why: why ?? 'it can’t be told', mend: `give the login of ${name} the role pg_monitor` };
    case 'following':
      if (paused === true)
        return { why: 'its replay is paused', mend: `resume it on ${name}: select pg_wal_replay_resume()` };
      if (receiving === false)
        return { why: 'it receives nothing', mend: `mend the replication of ${name}: its own log says why it ended` };
      return undefined;
  }
}

/** `cell/store`, as people know it. */
export function storeOf({ cell, store }: Pick<SeenStandby, 'cell' | 'store'>): string {
  return `${cell}/${store}`;
}

/** How far behind it is, for people. */
export function lagText({ lagBytes, lagMs }: Pick<SeenStandby, 'lagBytes' | 'lagMs'>): string {
  if (lagBytes === undefined && lagMs === undefined) return 'how far it is behind isn’t known';
  if (lagBytes === 0) return 'has all that was written';
  if (lagMs === undefined) return `${bytesText(lagBytes ?? 0)} behind, for how long isn’t known`;
  return `${lagMsText(lagMs)} behind (${lagBytes === undefined ? 'by how much isn’t known' : bytesText(lagBytes)})`;
}

/** A standby in one line: how it stands and when it was seen so. */
export function standbyText(seen: SeenStandby, now: Instant): string {
  const trouble = notFollowing(seen);
  const lag = seen.standing === 'following' ? lagText(seen) : undefined;
  const stands = [trouble?.why, lag].filter((each) => each !== undefined).join('; ');
  return `${stands}, ${seenText(seen, now)}`;
}

/** When it was seen. */
export function seenText({ at }: SeenStandby, now: Instant): string {
  return now - at < -LOOK_AHEAD_MS
    ? 'seen at a moment that is ahead of now'
    : `seen ${ageText(Math.max(0, now - at))} ago`;
}

/** Seconds below a minute in tenths: a lag of half a second is no lag of one. */
function lagMsText(ms: number): string {
  return ms < 60_000 ? `${(Math.ceil(ms / 100) / 10).toFixed(1)} s` : durationText(Math.ceil(ms / 1_000) * 1_000);
}

const BYTE_UNITS = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const;

/** Never less than it is. */
export function bytesText(bytes: number): string {
  for (const [unit, size] of BYTE_UNITS)
    if (bytes >= size) return `${(Math.ceil((bytes / size) * 10) / 10).toFixed(1)} ${unit}`;
  return `${bytes} B`;
}
