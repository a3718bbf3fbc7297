/** Which restore points have what programs took away on a rollout's way back: as its entries say it. */
import type { RestorePoint } from '../model/outcome.ts';
import type { StepEntry } from './migration-times.ts';

export interface KeptBefore {
  readonly step: string;
  readonly store: string;
  readonly restorePoint: string;
  readonly words: string;
}

/** Each once, in the order in which they were taken. Entries of agents that keep nothing say nothing. */
export function keptBefore(entries: readonly StepEntry[]): readonly KeptBefore[] {
  const found = new Map<string, KeptBefore>();
  for (const { data } of entries) {
    const { keptBefore: point } = (data.result ?? {}) as { readonly keptBefore?: RestorePoint };
    if (point === undefined || typeof data.step !== 'string') continue;
    const { id, store, takenAt } = point;
    const at = new Date(takenAt).toISOString().replace(/\.\d+Z$/, 'Z');
    const words = `what the program of ${data.step} took away is in restore point ${id} of ${at}, which stays until a person lets it go`;
    found.set(`${store} ${id}`, { step: data.step, store, restorePoint: id, words });
  }
  return [...found.values()];
}
