/**
 * Where the control plane keeps what runs (rows) and what proves it (entries). Every controlled thing is a *stream*:
 * `promotion/<id>`, `rollout/<id>`, `cell/<name>`, `release/<digest>`, `document/<Kind>/<name>` … A commit appends
 * entries and replaces the row of each stream that it writes, all in one transaction, or changes nothing.
 *
 * Meaning, proved for every implementation by the suite in `@headgate/testkit/control/store-suite`:
 * - A write names the version that it was decided on; another version in the store is a conflict and changes nothing.
 * - A read names the version of a fact that was used; the same holds. This is what makes facts safe to use.
 * - At most one row in the store holds an `exclusive` key: one active rollout a cell.
 * - `wake` makes rows due at once. It is a hint: losing or doubling one is harmless, so it changes no version.
 * - A commit with `lists` rests on what was in them and on what wasn't; where that has changed it is a conflict.
 * - `now` is the store's clock, the only one that the control plane knows. It never goes back within a process.
 * - A commit with `waiting` counts and writes under one lock: of those who ask at once, no more get in than there is room.
 * - Rows that a newer Headgate wrote in its own way (`row-format.ts`) are neither claimed nor offered, and a commit that
 *   writes one or rests on one throws `NewerRow`. In a store of one process's own there are none.
 * - A commit that throws `StoreUnavailable` may have happened. Try it again: if it had, it now conflicts.
 */
import type { Instant, PrincipalId } from '@headgate/domain';

/** `kind/id`; the kind is what stands before the first slash. */
export type StreamId = string;

/** One event, as it goes on the log. `data` is plain JSON. */
export interface NewEntry {
  readonly type: string;
  readonly data: unknown;
}

export interface Row<S = unknown> {
  readonly stream: StreamId;
  /** Counts entries of the stream: the version after `n` entries is `n`. */
  readonly version: number;
  readonly state: S;
  /** When a controller should look, null for never. For a leased assignment, the end of the lease. */
  readonly dueAt: Instant | null;
  /** When it was made. Absent of claimed rows, and of older ones of kinds that nobody lists by time. */
  readonly madeAt?: Instant;
  /** A newer Headgate wrote it in a way that this code can't decide on: to be shown, and left alone. */
  readonly newer?: true;
}

export interface Write {
  readonly stream: StreamId;
  /** 0 creates the stream. */
  readonly expected: number;
  /** At least one, except to move `dueAt` alone: without entries nothing else of the row changes. */
  readonly entries: readonly NewEntry[];
  /** The state after the entries; plain JSON. */
  readonly state: unknown;
  readonly dueAt: Instant | null;
  /** Held while the row says so; null lets go; absent keeps what the row holds. */
  readonly exclusive?: string | null;
  /** Which agents' queue the row stands in (`agent/<environment>`), null for none; absent keeps it where it is. */
  readonly audience?: string | null;
  /** Rows are listed by their parent: rollouts by promotion. Set at creation. */
  readonly parent?: StreamId | null;
}

export interface Read {
  readonly stream: StreamId;
  /** 0: it does not exist. */
  readonly version: number;
}

/**
 * A list that a decision rests on, what isn't in it included: how many rows begin so, and what their versions sum up to. Rows
 * are never removed and versions only rise, so that these two stay the same only while all of it does.
 */
export interface ListRead {
  readonly under: StreamId;
  readonly rows: number;
  readonly versions: number;
}

export type Committed =
  | { readonly ok: true }
  | { readonly ok: false; readonly conflict: StreamId; readonly because: 'version' }
  /** So many wait already; `conflict` is the principal that asked for them. */
  | { readonly ok: false; readonly conflict: StreamId; readonly because: 'waiting' }
  /** `conflict` is the stream that asked for the key, `heldBy` the one that has it. */
  | { readonly ok: false; readonly conflict: StreamId; readonly because: 'exclusive'; readonly heldBy: StreamId };

export interface Commit {
  readonly by: PrincipalId;
  /** Each stream at most once. Writes and reads together name at most 2,000 streams. */
  readonly writes: readonly Write[];
  readonly reads?: readonly Read[];
  /** Lists that were read; a conflict names the list. Of commits that rest on lists one happens after the other. */
  readonly lists?: readonly ListRead[];
  readonly wake?: readonly StreamId[];
  /** Changes nothing when so many promotions that this principal asked for have yet to begin, however many ask at once. */
  readonly waiting?: { readonly of: PrincipalId; readonly most: number };
}

/** The kinds whose rows are listed by when they were made. */
export const BY_TIME = ['promotion', 'release'] as const;

/** A row's place in a list by time. */
export interface Made {
  readonly at: Instant;
  readonly stream: StreamId;
}

/** Which rows of a kind, and from where. Every condition is met by the store: a page is short only at the end. */
export interface ListPage {
  /** The last stream of the page before. */
  readonly after?: StreamId;
  readonly limit: number;
  readonly parent?: StreamId;
  /** Only streams that begin so. */
  readonly under?: string;
  /** Only rows whose `facetOf` is this. */
  readonly facet?: string;
  /** Only rows whose `isOpen` is this. */
  readonly open?: boolean;
  /** Only cells whose `isTroubled` is true. */
  readonly troubled?: true;
  /** Only promotions that ended then or later: `endedAt`. */
  readonly endedSince?: Instant;
  /** Only promotions of this application. */
  readonly application?: string;
  /** Only promotions in this phase. */
  readonly phase?: string;
  /**
   * In the order in which they were made, behind that one (instead of `after`); of {@link BY_TIME} alone. From the first to the
   * last it ends before whatever a commit that is under way may still put in between: who goes on from there misses nothing.
   */
  readonly byTime?: { readonly after?: Made };
  /** From the last to the first. */
  readonly descending?: boolean;
}

/** A row that is due, held for the claimer until `claimMs` from now or until the row is written. */
export interface Claimed {
  readonly now: Instant;
  readonly rows: readonly Row[];
}

export interface ControlStore {
  now(): Promise<Instant>;
  load(streams: readonly StreamId[]): Promise<ReadonlyMap<StreamId, Row>>;
  /** The row that holds an exclusive key; undefined: none does. */
  holder(key: string): Promise<Row | undefined>;
  /** Rows of a kind in the order of their streams, or of when they were made; `limit` at most 1,000. */
  list(kind: string, page: ListPage): Promise<readonly Row[]>;
  commit(commit: Commit): Promise<Committed>;
  /** Rows that are due, oldest first, none of them held by somebody else. A dead claimer's rows are due again after `claimMs`. */
  claim(limit: number, claimMs: number): Promise<Claimed>;
  /**
   * Rows that wait in one of the agents' queues, oldest first; not held: the lease's commit decides who gets it. `holding`:
   * only those that hold one of these exclusive keys.
   */
  offered(audiences: readonly string[], limit: number, holding?: readonly string[]): Promise<Claimed>;
  /**
   * Moves a row's due time if it is still at this version: how a lease is renewed, and a wait prolonged, without an entry.
   * It lets go of a claim, as a write does. With `was` it moves only a row that is still due then: a controller that
   * looked and found nothing to do must not shorten a lease that was renewed meanwhile.
   */
  postpone(stream: StreamId, version: number, dueAt: Instant | null, was?: Instant | null): Promise<boolean>;
}
