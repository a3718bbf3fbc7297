/** An entry on the log, and the transaction that brought it. */
export interface CommittedEntry {
  readonly transaction: string;
  readonly stream: string;
}

const DECIDED = ['promotion/', 'rollout/'];

/**
 * Ticks among committed entries: transactions that carry a decision about a promotion or a rollout. Several entries of
 * one transaction are one tick; a decision that conflicted left no entry, so it is none.
 */
export function countTicks(entries: readonly CommittedEntry[]): number {
  const decided = entries.filter(({ stream }) => DECIDED.some((kind) => stream.startsWith(kind)));
  return new Set(decided.map(({ transaction }) => transaction)).size;
}
