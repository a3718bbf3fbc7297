import type { CellState } from '../model/cell.ts';
import type { Digest } from '../model/identity.ts';

/** Why a cell can't be planned, as the planner words it. */
export type Refuse = (code: string, why: string, unblock: string) => void;

/** Where a cell's tenants move: from the slot that serves them to one that serves nobody, or that runs the release already. */
export interface Move {
  readonly slot: { readonly from: string; readonly to: string };
  /** The release runs in the slot and serves tenants there, left by a promotion that was kept half way. */
  readonly running: boolean;
  /** Those on the slot `from` who are asked for, sorted. */
  readonly tenants: readonly string[];
  /** Those on the slot `from` who stay there. */
  readonly staying: readonly string[];
}

/**
 * Chooses a cell's slots; `there` when all its tenants who are asked for (`only`; undefined: all) are on the release. Traffic goes from the one slot that serves all
 * tenants to the first one that serves none. When a kept promotion left them on two, the rest can follow to either.
 */
export function chooseMove(
  cell: CellState,
  release: Digest,
  only: ReadonlySet<string> | undefined,
  refuse: Refuse,
): Move | 'there' | undefined {
  const serving = [...new Set(Object.values(cell.tenants).map((t) => t.slot))].sort();
  const [first] = serving;
  if (first === undefined) {
    refuse('no-tenants', 'the cell has no tenant', 'declare its tenants, or leave the cell out');
    return undefined;
  }
  const running = serving.find((name) => cell.slots[name]?.release?.digest === release);
  const rest = serving.filter((name) => name !== running);
  const [from] = rest;
  if (from === undefined) return 'there';
  if (rest.length > 1) {
    const versions = serving.map((name) => `${cell.slots[name]?.release?.version ?? 'something unknown'} in ${name}`);
    refuse(
      'mixed-slots',
      `its tenants are on slots ${serving.join(' and ')}`,
      `promote one of what runs there to all of them first: ${versions.join(', ')}`,
    );
    return undefined;
  }
  const to =
    running ??
    Object.keys(cell.slots)
      .sort()
      .find((name) => name !== from);
  if (to === undefined) {
    refuse('no-free-slot', `slot ${from} is its only one`, 'give the cell a second slot');
    return undefined;
  }
  const there = Object.keys(cell.tenants)
    .filter((name) => cell.tenants[name]?.slot === from)
    .sort();
  const tenants = there.filter((name) => only === undefined || only.has(name));
  if (tenants.length === 0) return 'there';
  const staying = there.filter((name) => only !== undefined && !only.has(name));
  return { slot: { from, to }, running: running !== undefined, tenants, staying };
}
