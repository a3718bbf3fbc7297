import type { ReleaseRef } from '../model/release.ts';
import type { Plan } from './plan.ts';

/**
 * The releases that serve where a plan begins, each once, in the plan's order: beside which its migrations run, and to which
 * a rollback leads back.
 */
export function ranBefore({ cells }: Pick<Plan, 'cells'>): readonly ReleaseRef[] {
  const each = cells.flatMap(({ base, slot }) => base.slots[slot.from]?.release ?? []);
  return [...new Map(each.map((release) => [release.digest, release])).values()];
}
