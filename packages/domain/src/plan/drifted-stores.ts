import { unmaskedStores } from '../masking/copy.ts';
import type { CellState } from '../model/cell.ts';
import type { PlanRequest } from './planner.ts';
import type { Move, Refuse } from './slots.ts';

/** What somebody changed by hand isn't built upon: where tenants move, and in what they live. */
export function refuseDrifted({ drift, application }: PlanRequest, cell: CellState, move: Move, refuse: Refuse): void {
  const stores = concerned({ application }, cell, move);
  for (const { store, why } of drift?.[cell.cell] ?? [])
    if (stores.has(store))
      refuse(
        'drifted',
        `store ${store} is not as a release leaves it: ${why}`,
        'bring it to a version that a release leaves (restore it, or finish what was begun), and wait for the next observation',
      );
}

/** Where a policy asks for masked copies, nobody moves in a store that isn't one: their data is there already, and goes no further. */
export function refuseUnmasked(request: PlanRequest, cell: CellState, move: Move, refuse: Refuse): void {
  const seen = request.observed?.get(cell.cell);
  for (const { code, where, why, unblock } of unmaskedStores([...concerned(request, cell, move)], seen, request.policy))
    refuse(code, `${where}: ${why}`, unblock);
}

/** The stores that a move is about: with stores of tenants' own, those of who moves. */
function concerned(
  { application }: Pick<PlanRequest, 'application'>,
  cell: CellState,
  move: Move,
): ReadonlySet<string> {
  if (application.tenancy !== 'store-per-tenant') return new Set(Object.keys(cell.stores));
  return new Set(move.tenants.flatMap((name) => cell.tenants[name]?.store ?? []));
}
