/**
 * The fence that every effect carries. `n` rises with each assignment in a cell, across its rollouts; `epoch` rises when
 * the control plane is restored from a backup, so that what a forgotten past still sends can't act. Compared
 * lexicographically.
 */
export interface Fence {
  readonly epoch: number;
  readonly n: number;
}

/**
 * So far above its own epoch a server believes one that somebody says they have seen. Else one lie would drive the epoch to
 * the end of its numbers. Half of the 1,000 that an agent takes at once, so that those who slept through a restore follow.
 */
export const MOST_EPOCHS_ABOVE = 500;

export function compareFences(a: Fence, b: Fence): number {
  return a.epoch - b.epoch || a.n - b.n;
}

/** Whether a holder that has seen `held` may carry out what comes with `offered`: the same again or a higher one. */
export function admits(held: Fence | undefined, offered: Fence): boolean {
  return held === undefined || compareFences(offered, held) >= 0;
}
