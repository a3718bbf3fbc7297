/**
 * High-water marks against replay: the newest token that was acted on, by cell, as plain data. Assignments are counted
 * across a cell's rollouts, so one mark a cell says it for all of them.
 */
import type { Fence } from '@headgate/domain/protocol/fence';

export interface Marks {
  /** The highest epoch that any token carried: one control plane, one epoch. */
  readonly epoch: number;
  readonly cells: Readonly<Record<string, Fence>>;
}

export const NO_MARKS: Marks = { epoch: 0, cells: {} };

/** Why a token may not be acted on; undefined when it is newer than all that was acted on before. */
export function staleness(marks: Marks, cell: string, token: Fence): 'lower-epoch' | 'replayed' | undefined {
  if (token.epoch < marks.epoch) return 'lower-epoch';
  const mark = Object.hasOwn(marks.cells, cell) ? marks.cells[cell] : undefined;
  return mark !== undefined && mark.epoch === token.epoch && token.n <= mark.n ? 'replayed' : undefined;
}

/** The marks once a token was taken that isn't stale. */
export function taken(marks: Marks, cell: string, token: Fence): Marks {
  return { epoch: token.epoch, cells: { ...marks.cells, [cell]: { epoch: token.epoch, n: token.n } } };
}
