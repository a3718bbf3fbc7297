import type { Instant } from '@headgate/domain';
import type { StreamId } from './store.ts';

/** A complete subtree by its level (0: the leaves) and its index from the left. */
export interface NodeName {
  readonly level: number;
  readonly index: number;
}

/** An entry in its place on the log. */
export interface PlacedEntry {
  readonly place: number;
  readonly bytes: Uint8Array;
}

/** An entry of one stream, placed on the tree or still waiting. */
export interface StreamEntry {
  readonly version: number;
  readonly bytes: Uint8Array;
  /** On the log; absent: it waits for its place, or nobody will ever give it one. */
  readonly place?: number;
  /** It stands in line for a place. An entry with neither was kept off the log. */
  readonly waiting?: true;
}

export interface StoredHead {
  readonly size: number;
  /** Merkle root, 32 bytes. */
  readonly root: Uint8Array;
  /** The signed note (C2SP checkpoint). */
  readonly note: string;
  readonly at: Instant;
}

/**
 * The one tree of all entries. Entries wait, in the order of their commits, until the sequencer places them: one
 * sequencer at a time (a lock, and a fence on the tree's size), in batches, so that appends don't queue behind a lock.
 */
export interface LogStore {
  /**
   * Places waiting entries, at most `limit`, and returns how many; 0 also when another sequencer is at work. Throws SpoiltTree, and
   * places nothing, when the tree has nodes that can't be.
   */
  place(limit: number): Promise<number>;
  /**
   * Signs the tree as it stands, if it grew since the last signed head. Throws SpoiltTree, and publishes nothing, when the tree isn't
   * any more what was signed before.
   */
  publishHead(sign: (size: number, root: Uint8Array) => string): Promise<StoredHead | undefined>;
  /**
   * Makes nodes anew that aren't what the leaves give, and says which they were. Leaves and entries stay as they are. Throws
   * SpoiltTree, and changes nothing, when the leaves don't give any more what was signed.
   */
  mend(): Promise<readonly NodeName[]>;
  head(): Promise<StoredHead | undefined>;
  /** From a place on, at most `limit`; and, if said, none behind those that make up `mostBytes`: at least one where there is one. */
  entries(from: number, limit: number, mostBytes?: number): Promise<readonly PlacedEntry[]>;
  /** What happened to one stream, after a version, in order; `limit` at most 1,000. */
  history(stream: StreamId, after: number, limit: number): Promise<readonly StreamEntry[]>;
  /** Streams after `after` and up to `to`, in order, that have entries and no row; `limit` at most 1,000. */
  rowless(after: StreamId, to: StreamId, limit: number): Promise<readonly StreamId[]>;
  /** Hashes of complete subtrees, in the order asked: level 0 is the leaves. Throws when one isn't complete. */
  nodes(wanted: readonly { readonly level: number; readonly index: number }[]): Promise<readonly Uint8Array[]>;
}
