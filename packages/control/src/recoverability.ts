/** What a plan states of the stores that it touches, by the facts that the server has: asked for by people, not before every step. */
import { type Instant, type Plan, type Recoverability, recoverability, touchedStores } from '@headgate/domain';
import type { Deps } from './deps.ts';
import { type DrillRecord, streams } from './records.ts';

/** What could be brought back of the stores of a plan, as far as anybody told. */
export async function recoverabilityOf(
  { store, vaults }: Pick<Deps, 'store' | 'vaults'>,
  plan: Pick<Plan, 'cells' | 'gates'>,
  now: Instant,
): Promise<Recoverability> {
  const names = touchedStores(plan).map((each) => streams.drill(each.cell, each.store));
  const rows = await store.load(names);
  const drills = [...rows.values()].map(({ state }) => (state as DrillRecord).last);
  const seen = (await vaults?.of(plan.cells.map(({ cell }) => cell))) ?? [];
  return recoverability(plan, { now, drills, vaults: seen });
}
