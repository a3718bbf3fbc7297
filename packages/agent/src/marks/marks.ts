/**
 * High-water marks, as plain data: the newest token that was acted on, by cell, against replay; and how far each plan was
 * taken forward in a cell, so that an undo is one of something that this agent began. Assignments are counted across a
 * cell's rollouts, so one token a cell says it for all of them.
 */
import type { Digest } from '@headgate/domain';
import type { Fence } from '@headgate/domain/protocol/fence';

/** A plan that this agent took forward in a cell, and how many of its steps may have had an effect. */
export interface BegunPlan {
  readonly plan: Digest;
  readonly begun: number;
}

export interface Marks {
  /** The highest epoch that any token carried: one control plane, one epoch. */
  readonly epoch: number;
  readonly cells: Readonly<Record<string, Fence>>;
  /** By cell, the newest last. */
  readonly plans: Readonly<Record<string, readonly BegunPlan[]>>;
}

export const NO_MARKS: Marks = { epoch: 0, cells: {}, plans: {} };

/**
 * How far the epoch may rise at once. It rises by one with each restore of the control plane; a token with an absurd one
 * would, once remembered, shut out every honest server after it.
 */
export const LARGEST_EPOCH_RISE = 1_000;
/** How many plans are remembered for each cell. A rollback may still come for the last; the others are a margin. */
const MOST_PLANS = 8;

/** Why a token may not be acted on; undefined when it is newer than all that was acted on before. */
export function staleness(
  marks: Marks,
  cell: string,
  token: Fence,
): 'lower-epoch' | 'absurd-epoch' | 'replayed' | undefined {
  if (token.epoch < marks.epoch) return 'lower-epoch';
  if (token.epoch > marks.epoch + LARGEST_EPOCH_RISE) return 'absurd-epoch';
  const mark = Object.hasOwn(marks.cells, cell) ? marks.cells[cell] : undefined;
  return mark !== undefined && mark.epoch === token.epoch && token.n <= mark.n ? 'replayed' : undefined;
}

/** The marks once a token was taken that isn't stale; with `forward`, for a step that takes this plan this far. */
export function taken(marks: Marks, cell: string, token: Fence, forward?: BegunPlan): Marks {
  const { epoch, n } = token;
  const cells = { ...marks.cells, [cell]: { epoch, n } };
  if (forward === undefined) return { ...marks, epoch, cells };
  const before = plansOf(marks, cell);
  const begun = Math.max(forward.begun, begunOf(marks, cell, forward.plan) ?? 0);
  const others = before.filter((each) => each.plan !== forward.plan).slice(1 - MOST_PLANS);
  return { epoch, cells, plans: { ...marks.plans, [cell]: [...others, { plan: forward.plan, begun }] } };
}

/** How many of a plan's steps this agent began in a cell; undefined when it never took the plan forward there. */
export function begunOf(marks: Marks, cell: string, plan: Digest): number | undefined {
  return plansOf(marks, cell).find((each) => each.plan === plan)?.begun;
}

function plansOf(marks: Marks, cell: string): readonly BegunPlan[] {
  return Object.hasOwn(marks.plans, cell) ? (marks.plans[cell] ?? []) : [];
}
