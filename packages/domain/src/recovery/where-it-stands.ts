import type { CellState, SlotState } from '../model/cell.ts';
import type { CellPlan, Step } from '../plan/plan.ts';

/** Steps of a plan that are done for sure, and that may have had an effect. `back`: any of them may have been undone since. */
export interface Progress {
  readonly done: number;
  readonly begun: number;
  readonly back: boolean;
}

/**
 * In what a cell differs from everything that a plan leaves between two of its steps, in words; undefined when it fits.
 * Whatever the plan doesn't touch must be as it was.
 */
export function misfitOfPlan(cell: CellPlan, seen: CellState, progress: Progress): string | undefined {
  const { base, steps } = cell;
  const begun = steps.slice(0, progress.begun);
  const from = progress.back ? 0 : Math.min(progress.done, begun.length);
  return (
    firstMisfit('store', base.stores, seen.stores, (name, was, is) => {
      const versions = trail(begun, from, was.schemaVersion, ({ action }) =>
        'store' in action && action.store === name && 'to' in action ? action.to : undefined,
      );
      // A chain of migrations may have stopped at any of them.
      return is.schemaVersion >= Math.min(...versions) && is.schemaVersion <= Math.max(...versions)
        ? undefined
        : `is at schema ${is.schemaVersion}, not at ${[...new Set(versions)].join(' or ')}`;
    }) ??
    firstMisfit('slot', base.slots, seen.slots, (name, was, is) => {
      const releases = trail<string>(begun, from, releaseOf(was), ({ action }) => {
        if (action.kind === 'deploy' && action.slot === name) return action.release.digest;
        return action.kind === 'retire' && action.slot === name ? NOTHING : undefined;
      });
      return releases.includes(releaseOf(is)) ? undefined : `runs ${is.release?.version ?? 'nothing'}`;
    }) ??
    firstMisfit('tenant', base.tenants, seen.tenants, (name, was, is) => {
      if (is.store !== was.store) return `lives in store ${is.store}, not in ${was.store}`;
      const slots = trail(begun, from, was.slot, ({ action }) =>
        action.kind === 'route' && action.tenants.includes(name) ? action.slot : undefined,
      );
      if (!slots.includes(is.slot)) return `is on slot ${is.slot}, not on ${[...new Set(slots)].join(' or ')}`;
      const holds = trail(begun, from, was.held === true, (step) => heldBy(step, name));
      return holds.includes(is.held === true) ? undefined : is.held === true ? 'is held' : 'is served';
    })
  );
}

/** In what a cell differs from the state that it should have, in words; undefined when it doesn't. */
export function misfitOfState(desired: CellState, seen: CellState): string | undefined {
  const cell: CellPlan = { cell: desired.cell, base: desired, slot: { from: '', to: '' }, steps: [], recovery: [] };
  return misfitOfPlan(cell, seen, { done: 0, begun: 0, back: false });
}

const NOTHING = '';

function releaseOf({ release }: SlotState): string {
  return release?.digest ?? NOTHING;
}

function heldBy({ action }: Step, tenant: string): boolean | undefined {
  if (action.kind !== 'hold' && action.kind !== 'open') return undefined;
  return action.tenants.includes(tenant) ? action.kind === 'hold' : undefined;
}

/** The values that something has between the last step that is done and the last that was begun. */
function trail<T>(steps: readonly Step[], from: number, was: T, becomes: (step: Step) => T | undefined): T[] {
  const values = [was];
  steps.forEach((step, i) => {
    const value = becomes(step);
    if (value === undefined) return;
    if (i < from) values[0] = value;
    else values.push(value);
  });
  return values;
}

function firstMisfit<T extends object>(
  what: string,
  base: Readonly<Record<string, T>>,
  seen: Readonly<Record<string, T>>,
  judge: (name: string, was: T, is: T) => string | undefined,
): string | undefined {
  for (const name of new Set([...Object.keys(base), ...Object.keys(seen)])) {
    const [was, is] = [base[name], seen[name]];
    if (was === undefined) return `${what} ${name} is new there`;
    const why = is === undefined ? 'is gone' : judge(name, was, is);
    if (why !== undefined) return `${what} ${name} ${why}`;
  }
  return undefined;
}
