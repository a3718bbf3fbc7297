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
  /** It was being taken back, so it never goes forward again: another attempt is another plan. */
  readonly undone?: true;
  /** The undo step that was begun last. */
  readonly undoing?: string;
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

/** The marks once a token was taken that isn't stale, for a step that takes this plan this far, or takes it back. */
export function taken(marks: Marks, cell: string, token: Fence, step: BegunPlan): Marks {
  const { epoch, n } = token;
  const cells = { ...marks.cells, [cell]: { epoch, n } };
  const known = planOf(marks, cell, step.plan);
  const others = plansOf(marks, cell)
    .filter((each) => each.plan !== step.plan)
    .slice(1 - MOST_PLANS);
  const begun = Math.max(step.begun, known?.begun ?? 0);
  const undone = step.undone ?? known?.undone;
  const undoing = step.undoing ?? known?.undoing;
  const own: BegunPlan = {
    plan: step.plan,
    begun,
    ...(undone && { undone }),
    ...(undoing !== undefined && { undoing }),
  };
  return { epoch, cells, plans: { ...marks.plans, [cell]: [...others, own] } };
}

/** What this agent knows of a plan in a cell; undefined when it never acted on it there. */
export function planOf(marks: Marks, cell: string, plan: Digest): BegunPlan | undefined {
  return plansOf(marks, cell).find((each) => each.plan === plan);
}

/** The plan that this agent acted on last in a cell. */
export function newestPlan(marks: Marks, cell: string): BegunPlan | undefined {
  return plansOf(marks, cell).at(-1);
}

/** The plans that are remembered for a cell, the newest last. */
export function plansOf(marks: Marks, cell: string): readonly BegunPlan[] {
  return Object.hasOwn(marks.plans, cell) ? (marks.plans[cell] ?? []) : [];
}
