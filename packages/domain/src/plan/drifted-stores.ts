import type { CellState } from '../model/cell.ts';
import type { PlanRequest } from './planner.ts';
import type { Move, Refuse } from './slots.ts';

/** What somebody changed by hand isn't built upon: where tenants move, and in what they live. */
export function refuseDrifted({ drift, application }: PlanRequest, cell: CellState, move: Move, refuse: Refuse): void {
  const own = application.tenancy === 'store-per-tenant';
  const stores = new Set(move.tenants.map((name) => cell.tenants[name]?.store));
  for (const { store, why } of drift?.[cell.cell] ?? [])
    if (!own || stores.has(store))
      refuse(
        'drifted',
        `store ${store} is not as a release leaves it: ${why}`,
        'bring it to a version that a release leaves (restore it, or finish what was begun), and wait for the next observation',
      );
}
