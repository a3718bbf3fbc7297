/**
 * A promotion may name the tenants that it is for. The others stay where they are, on the code that serves them now.
 */
import type { CellState } from '../model/cell.ts';
import type { Digest } from '../model/identity.ts';
import type { Plan } from './plan.ts';
import type { Move } from './slots.ts';
import { movedTenants } from './undo.ts';

/** Whether a cell has one of these tenants. */
export function livesIn(cell: CellState, only: ReadonlySet<string>): boolean {
  return Object.keys(cell.tenants).some((name) => only.has(name));
}

/** Whether nobody of a cell is left on another release once its move is made. */
export function isThere(cell: CellState, release: Digest, move: Pick<Move, 'tenants'> | undefined): boolean {
  const moved = new Set(move?.tenants);
  return Object.entries(cell.tenants).every(
    ([name, { slot }]) => moved.has(name) || cell.slots[slot]?.release?.digest === release,
  );
}

/**
 * Whether everybody of an environment is on the plan's release once it was carried out. `others` are the cells that it
 * leaves out, as they are now: since it was made somebody may have moved there, to the release or away from it.
 */
export function reachesEverybody(plan: Plan, others: readonly CellState[]): boolean {
  const { digest } = plan.release;
  return (
    plan.cells.every((cell) => isThere(cell.base, digest, { tenants: movedTenants(cell, cell.steps.length) })) &&
    others.every((cell) => isThere(cell, digest, undefined))
  );
}

/** So many of the names that nobody knows are told. */
const MOST_NAMES = 5;

/** Refuses names that no cell of the environment has: a promotion for half of those who were meant would look like one for all. */
export function refuseUnknown(
  only: ReadonlySet<string>,
  cells: readonly CellState[],
  environment: string,
  refuse: (code: string, where: string, why: string, unblock: string) => void,
): void {
  const unknown = [...only].filter((name) => !cells.some((cell) => Object.hasOwn(cell.tenants, name))).sort();
  const told = unknown.slice(0, MOST_NAMES).join(', ');
  if (only.size === 0)
    refuse(
      'no-tenants',
      `environment/${environment}`,
      'it names no tenant',
      'name at least one, or leave the list out',
    );
  else if (unknown.length > 0)
    refuse(
      'no-such-tenant',
      `environment/${environment}`,
      `no cell of it has ${unknown.length > MOST_NAMES ? `${told} and ${unknown.length - MOST_NAMES} others` : told}`,
      'name tenants of this environment',
    );
}
