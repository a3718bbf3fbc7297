/**
 * What gates judge of standbys: asked only where the plan has the gate, and for one cell where only that is asked about.
 */
import type { GateFacts, Plan } from '@headgate/domain';
import { standbyReady } from '@headgate/domain/gates/standby-ready';
import type { StandbyLooks } from './ports/standby-looks.ts';

/** The gates' facts with what was seen of the standbys of a plan's cells, or of one of them. */
export async function withStandbys(
  facts: GateFacts,
  { gates, cells }: Pick<Plan, 'gates' | 'cells'>,
  looks: StandbyLooks | undefined,
  cell?: string,
): Promise<GateFacts> {
  if (looks === undefined || !gates.some(({ gate }) => gate === standbyReady.name)) return facts;
  const asked = cell === undefined ? cells : cells.filter((each) => each.cell === cell);
  const seen = await looks.of(asked.map((each) => each.cell));
  const stores = asked.flatMap((each) => Object.keys(each.base.stores).map((store) => ({ cell: each.cell, store })));
  return { ...facts, standbys: { stores, seen: [...seen.values()].flat() } };
}
