import type { Instant, Principal, ToldVault } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { no, ok, type Result, refuse } from './result.ts';
import { notItsCell } from './tell-standbys.ts';

/**
 * An agent says what it saw of the restore points and logs of a cell's stores, where they lie. It is kept beside the log, dated by the
 * control plane's clock, in the place of what was told of the cell before.
 */
export async function tellVaults(
  deps: Deps,
  agent: Principal,
  cell: string,
  told: readonly ToldVault[],
): Promise<Result<{ readonly vaults: number; readonly at?: Instant }>> {
  const what = 'tell of what lies in a vault';
  const denied = await notItsCell(deps, agent, cell, what);
  if (denied !== undefined) return no(denied);
  if (new Set(told.map(({ store }) => store)).size < told.length)
    return refuse('malformed', what, 'body/vaults', 'a store is told of twice', 'tell of each store once');
  const at = await deps.vaults?.tell(cell, agent.id, told);
  return ok({ vaults: told.length, ...(at !== undefined && { at }) });
}
