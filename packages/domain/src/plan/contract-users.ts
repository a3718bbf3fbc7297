/** Who still uses what a contract migration removes: what runs in its cell, and what could come back there. */
import type { CellState } from '../model/cell.ts';
import type { Migration } from '../model/release.ts';
import { contractsTooEarly, type SchemaUser } from './contract-order.ts';
import type { CellPlan } from './plan.ts';
import type { PlanRequest } from './planner.ts';
import type { Refuse } from './slots.ts';

/** Code that an open undo or watch would bring back to a cell; without a range nobody knows what it runs on. */
export interface WayBackUser extends Omit<SchemaUser, 'range'> {
  readonly cell: string;
  readonly range?: SchemaUser['range'];
}

type Unranged = Omit<SchemaUser, 'range'> & Partial<Pick<SchemaUser, 'range'>>;

/**
 * Whether a chain removes something too early, which is then told with who still uses it. Everything in the cell counts,
 * serving or not: workers take jobs without being routed to, and what stands in a slot can be routed to in a second. The
 * slot that the release goes to is cleared before the migration.
 */
export function comesTooEarly(
  request: Pick<PlanRequest, 'manifest' | 'release' | 'observed' | 'waysBack' | 'removes'>,
  cell: CellState,
  slot: CellPlan['slot'],
  chain: readonly Migration[],
  refuse: Refuse,
): boolean {
  if (!chain.some(({ phase }) => phase === 'contract')) return false;
  const { manifest, removes } = request;
  const users = usersOf(request, cell, slot);
  const unknown = users.find(({ range }) => range === undefined);
  if (unknown !== undefined) {
    refuse(
      'unknown-schema-range',
      `nobody knows which schemas ${unknown.version} (${unknown.name}) runs on, and something is removed`,
      'adopt it as a release that declares its schema range, or empty its slot',
    );
    return true;
  }
  const migrations = chain.map(({ id, from, to, phase }) => {
    const removed = removes?.get(to) ?? [];
    return { id, from, to, declared: phase, found: phase, removes: removed };
  });
  const { version, schemaRange: range } = manifest;
  const early = contractsTooEarly([{ version, range, migrations }], users as readonly SchemaUser[]);
  for (const { code, what, why, unblock } of early) refuse(code, `${what}: ${why}`, unblock);
  return early.length > 0;
}

function usersOf(
  { release, observed, waysBack }: Pick<PlanRequest, 'release' | 'observed' | 'waysBack'>,
  cell: CellState,
  slot: CellPlan['slot'],
): readonly Unranged[] {
  const users = new Map<string, Unranged>();
  const add = (state: CellState, seen: string): void => {
    for (const [name, { release: runs, schemaRange: range }] of Object.entries(state.slots)) {
      // What the release itself can live with is asked elsewhere; what the plan clears is gone by then.
      if (runs === undefined || runs.digest === release.digest) continue;
      if (name === slot.to && cell.slots[name]?.release !== undefined) continue;
      const user: Unranged = { kind: 'slot', name: `${cell.cell}/${name}${seen}`, version: runs.version };
      const key = `${name} ${runs.digest}`;
      if (!users.has(key)) users.set(key, range === undefined ? user : { ...user, range });
    }
  };
  add(cell, '');
  const last = observed?.get(cell.cell);
  if (last !== undefined) add(last, ' (as its agent saw it)');
  const back = (waysBack ?? []).filter((each) => each.cell === cell.cell);
  return [...users.values(), ...back.map(({ cell: _, ...user }) => user)];
}
