/** Places that a primary's log had come to, and when they were seen: by which it is known how long a standby is behind. */

/** So many are remembered; then every other one is forgotten, which makes what is said of a lag longer and never shorter. */
const MOST = 2_000;

interface Position {
  readonly place: bigint;
  /** When the log was last seen to be there. Milliseconds of a monotonic clock. */
  at: number;
}

/** What is known of the database's own stamps: the primary's clock now, and that of the last commit that the standby replayed. */
export interface Stamps {
  readonly primaryNowMs: number;
  readonly replayedCommitMs: number | undefined;
}

/**
 * Remembers them, oldest first, and says how long a standby is behind.
 *
 * How old the last replayed commit is doesn't say it: on an idle primary that grows for ever (PostgreSQL 15, 27.2.5.2 and
 * table 9.92: compare the places of the logs; `pg_last_xact_replay_timestamp` is when the commit was made on the primary).
 * So a standby that has replayed all that was written isn't behind, however long ago that was. One that hasn't is behind
 * since the last moment at which the primary's log had not yet gone beyond what it replayed, by our own monotonic clock,
 * which nobody sets; only while we haven't seen that moment do the database's own stamps count, and never for less than
 * what we have seen.
 */
export class PrimaryPositions {
  #seen: Position[] = [];

  /** The primary's log was at `place` at the moment `at`. */
  saw(place: bigint, at: number): void {
    const last = this.#seen.at(-1);
    // It was brought back to an earlier moment, or it is another one: what was seen before says nothing any more.
    if (last !== undefined && place < last.place) this.#seen = [];
    if (last?.place === place) last.at = at;
    else this.#seen.push({ place, at });
    if (this.#seen.length > MOST) this.#seen = this.#seen.filter((_, i) => i % 2 === 1);
  }

  /** For how long, at most, what isn't replayed has been written. Milliseconds; undefined: it isn't known. */
  lagMs(replayed: bigint, newest: bigint, now: number, stamps: Stamps): number | undefined {
    if (replayed >= newest) return 0;
    const passed = this.#seen.findLast(({ place }) => place <= replayed);
    if (passed !== undefined) return Math.max(0, now - passed.at);
    const sinceCommit = stamps.primaryNowMs - (stamps.replayedCommitMs ?? Number.NaN);
    // A commit of the future: the primary's clock was set back, and says nothing.
    if (!(sinceCommit >= 0)) return undefined;
    return Math.max(sinceCommit, now - (this.#seen[0]?.at ?? now));
  }
}

/** `0/3000060` as a number. */
export function placeOf(lsn: string): bigint {
  const [high = '', low = ''] = lsn.split('/');
  if (!/^[0-9A-F]{1,8}$/i.test(high) || !/^[0-9A-F]{1,8}$/i.test(low))
    throw new Error('a place in the log can’t be read');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
