/** What gates judge of data that is being moved: asked only where the plan has the gate. */
import type { GateFacts, Plan } from '@headgate/domain';
import { movedDataAgrees } from '@headgate/domain/gates/moved-data-agrees';
import type { MoveLooks } from './ports/move-looks.ts';

/** The gates' facts with how the moves of a plan's cells stand, or of one of them. */
export async function withMoves(
  facts: GateFacts,
  { gates, cells }: Pick<Plan, 'gates' | 'cells'>,
  looks: MoveLooks | undefined,
  cell?: string,
): Promise<GateFacts> {
  if (looks === undefined || !gates.some(({ gate }) => gate === movedDataAgrees.name)) return facts;
  const asked = cells.map((each) => each.cell).filter((each) => cell === undefined || each === cell);
  return { ...facts, moved: { cells: asked, seen: await looks.of(asked) } };
}
