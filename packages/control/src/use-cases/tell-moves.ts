import type { Instant, Principal, ToldMove } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { no, ok, type Result, refuse } from './result.ts';
import { notItsCell } from './tell-standbys.ts';

/**
 * An agent says how the data stands that is being moved in a cell's stores: counts, no rows. It is kept beside the log, dated by
 * the control plane's clock, in the place of what was told of the cell before.
 */
export async function tellMoves(
  deps: Deps,
  agent: Principal,
  cell: string,
  told: readonly ToldMove[],
): Promise<Result<{ readonly moves: number; readonly at?: Instant }>> {
  const what = 'tell of moved data';
  const denied = await notItsCell(deps, agent, cell, what);
  if (denied !== undefined) return no(denied);
  if (new Set(told.map(({ name }) => name)).size < told.length)
    return refuse('malformed', what, 'body/moves', 'one is told of twice', 'tell of each move once');
  const at = await deps.moves?.tell(cell, agent.id, told);
  return ok({ moves: told.length, ...(at !== undefined && { at }) });
}
