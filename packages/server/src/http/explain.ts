/** A promotion with its rollouts, explained on facts of this moment. */
import { streams } from '@headgate/control';
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

export async function explain(context: Context, promotion: Promotion, now: Instant): Promise<Explained> {
  const { gatherers } = context;
  const ids = promotion.cells.map((cell) => streams.rollout(`${promotion.id}.${cell}`));
  const plan = await gatherers.plans.get(promotion.planDigest);
  const { gates, rows } = await gatherers.gates.gather(promotion, plan, now, ids);
  const byCell = new Map<string, Rollout>();
  for (const id of ids) {
    const rollout = rows.get(id)?.state as Rollout | undefined;
    if (rollout !== undefined) byCell.set(rollout.cell, rollout);
  }
  const explanation = explainPromotion(promotion, byCell, plan, gates);
  return { explanation, rollouts: [...byCell.values()], plan };
}
