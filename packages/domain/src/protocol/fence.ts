/**
 * The fence that every effect carries. `n` rises with each assignment in a cell, across its rollouts; `epoch` rises when
 * the control plane is restored from a backup, so that what a forgotten past still sends can't act. Compared
 * lexicographically.
 */
export interface Fence {
  readonly epoch: number;
  readonly n: number;
}

/** A restore raises the epoch by one, or above what an agent has seen; never by so much more, or the numbers would end. */
export const LARGEST_EPOCH_RISE = 1_000;

export function compareFences(a: Fence, b: Fence): number {
  return a.epoch - b.epoch || a.n - b.n;
}

/** Whether a holder that has seen `held` may carry out what comes with `offered`: the same again or a higher one. */
export function admits(held: Fence | undefined, offered: Fence): boolean {
  return held === undefined || compareFences(offered, held) >= 0;
}
