/**
 * A promotion may name the tenants that it is for. The others stay where they are, on the code that serves them now.
 */
import type { CellState } from '../model/cell.ts';
import type { Digest } from '../model/identity.ts';
import type { Plan } from './plan.ts';
import type { Move } from './slots.ts';
import { movedTenants } from './undo.ts';

/** Who of a cell is asked for: those who are named (undefined: all) but for those who stay. Undefined: everybody. */
export function askedIn(
  cell: CellState,
  only: ReadonlySet<string> | undefined,
  staying: ReadonlySet<string> = new Set(),
): ReadonlySet<string> | undefined {
  if (only === undefined && staying.size === 0) return undefined;
  return new Set(
    Object.keys(cell.tenants).filter((name) => (only === undefined || only.has(name)) && !staying.has(name)),
  );
}

/** Those of a cell who are left on another release once its move is made. */
function leftIn(cell: CellState, release: Digest, move: Pick<Move, 'tenants'> | undefined): readonly string[] {
  const moved = new Set(move?.tenants);
  return Object.entries(cell.tenants)
    .filter(([name, { slot }]) => !moved.has(name) && cell.slots[slot]?.release?.digest !== release)
    .map(([name]) => name);
}

/** The names that somebody has in some cell who is left on another release once all moves are made. */
export function leftOut(
  cells: readonly CellState[],
  release: Digest,
  moves: ReadonlyMap<CellState, Pick<Move, 'tenants'>>,
): ReadonlySet<string> {
  return new Set(cells.flatMap((cell) => leftIn(cell, release, moves.get(cell))));
}

/**
 * Whether everybody of an environment is on the plan's release once it was carried out. `others` are the cells that it
 * leaves out, as they are now: since it was made somebody may have moved there, to the release or away from it.
 */
export function reachesEverybody(plan: Plan, others: readonly CellState[]): boolean {
  const { digest } = plan.release;
  return (
    plan.cells.every(
      (cell) => leftIn(cell.base, digest, { tenants: movedTenants(cell, cell.steps.length) }).length === 0,
    ) && others.every((cell) => leftIn(cell, digest, undefined).length === 0)
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
