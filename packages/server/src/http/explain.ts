/** A promotion with its rollouts, explained on facts of this moment. */
import { objectionsTo, streams } from '@headgate/control';
import {
  type Explanation,
  explainPromotion,
  type Instant,
  type Plan,
  type Promotion,
  type Rollout,
} from '@headgate/domain';
import type { Context } from './context.ts';

export interface Explained {
  readonly explanation: Explanation;
  readonly rollouts: readonly Rollout[];
  readonly plan: Plan;
}

/** `withAgents`: of one that waits for a wave it is asked, too, whether agents would refuse it; that takes its cells' rows. */
export async function explain(
  context: Context,
  promotion: Promotion,
  now: Instant,
  withAgents = false,
): Promise<Explained> {
  const { gatherers, deps } = context;
  const ids = promotion.cells.map((cell) => streams.rollout(`${promotion.id}.${cell}`));
  const plan = await gatherers.plans.get(promotion.planDigest);
  const { gates, rows } = await gatherers.gates.gather(promotion, plan, now, ids);
  const byCell = new Map<string, Rollout>();
  for (const id of ids) {
    const rollout = rows.get(id)?.state as Rollout | undefined;
    if (rollout !== undefined) byCell.set(rollout.cell, rollout);
  }
  // Once it moves, what its agents hold is theirs to say, and its page asks all the time.
  const asked = withAgents && promotion.phase === 'awaiting';
  const cells = asked ? plan.cells.filter(({ cell }) => byCell.get(cell)?.phase !== 'settled') : [];
  const seen = cells.length === 0 ? undefined : await deps.store.load(cells.map(({ cell }) => streams.cell(cell)));
  const objections = seen && (await objectionsTo(deps.store, { ...plan, cells }, seen, gates));
  const explanation = explainPromotion(promotion, byCell, plan, gates, objections);
  return { explanation, rollouts: [...byCell.values()], plan };
}
