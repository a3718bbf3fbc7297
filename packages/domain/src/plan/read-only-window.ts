/**
 * A read-only window: the operations that a migration can't run beside are closed right before it, for everybody in its store,
 * and opened right after it. Everything else is served. What is closed is leased: the router opens it by itself when nobody
 * renews that, so whatever dies in between, nothing stays closed.
 */
import type { CellState } from '../model/cell.ts';
import { didYouMean } from '../model/nearest.ts';
import type { Operation } from '../model/operation.ts';
import type { Migration } from '../model/release.ts';
import type { Action, CellPlan, Step } from './plan.ts';
import type { PlanRequest } from './planner.ts';
import { named } from './render-words.ts';
import type { Refuse } from './slots.ts';
import { does, keep, type MakeStep } from './step-maker.ts';

/** Until then the next step begins, or the operations open again: a gate, a pause or a server that is away keep nobody out. Milliseconds. */
const BETWEEN_STEPS_MS = 60_000;

/** The operations that a chain of migrations closes, in the application's order; undefined: one isn't declared, and it was told. */
export function closedBy(
  { application, manifest }: Pick<PlanRequest, 'application' | 'manifest'>,
  chain: readonly Migration[],
  refuse: Refuse,
): readonly Operation[] | undefined {
  const declared = application.operations ?? [];
  const names = declared.map(({ name }) => name);
  const closes = new Set(chain.flatMap((migration) => migration.closes ?? []));
  for (const { id, closes: own = [] } of chain) {
    const unknown = own.find((name) => !names.includes(name));
    if (unknown === undefined) continue;
    refuse(
      'no-such-operation',
      `migration ${id} of ${manifest.version} closes the operation ${unknown}${didYouMean(unknown, names)}${names.length === 0 ? `, and application ${application.name} declares none` : ` (${named(names)} ${names.length === 1 ? 'is' : 'are'} declared)`}`,
      `declare it below operations of application ${application.name} (\`headgate apply -f FILE\`), or make the release again with the operation’s name`,
    );
    return undefined;
  }
  return declared.filter(({ name }) => closes.has(name));
}

export interface Window {
  readonly request: PlanRequest;
  readonly cell: CellState;
  readonly store: string;
  readonly wave: number;
  readonly operations: readonly Operation[];
  readonly needs: readonly string[];
}

/**
 * Makes a migrating step by `migrate`, which takes what it needs, with the window around it where there is one. Returns what later
 * steps need.
 */
export function inWindow(
  { request, cell, store, wave, operations, needs }: Window,
  make: MakeStep,
  migrate: (needs: readonly string[]) => string,
): string {
  if (operations.length === 0) return migrate(needs);
  const { policy } = request;
  const tenants = Object.keys(cell.tenants)
    .filter((name) => cell.tenants[name]?.store === store)
    .sort();
  if (tenants.length === 0) return migrate(needs);
  const names = operations.map(({ name }) => name);
  const opening: Action = { kind: 'open-operations', tenants, operations: names };
  const close: Action = { kind: 'close-operations', tenants, operations, forMs: BETWEEN_STEPS_MS };
  const closed = make(wave, `close.${store}`, close, does(policy, opening), { needs });
  const migrated = migrate([...needs, closed]);
  const stays = keep('who takes the migration back closes them again while that runs');
  return make(wave, `open.${store}`, opening, stays, { needs: [migrated] });
}

/**
 * The step that opens what a begun read-only window may still keep closed: the window's own end, where that was begun last, or the
 * undo of its beginning. It comes before everything else of an undo.
 */
export function windowLeftOpen(begun: readonly Step[]): { readonly step: Step; readonly again: boolean } | undefined {
  const last = begun.at(-1);
  if (last !== undefined && isWindow(last, 'open-operations')) return { step: last, again: true };
  const at = begun.findLastIndex((step) => isWindow(step, 'close-operations'));
  const close = begun[at];
  if (close === undefined) return undefined;
  const opened = begun.slice(at + 1).some((step) => isWindow(step, 'open-operations'));
  return opened ? undefined : { step: close, again: false };
}

/** Whether a step begins or ends a read-only window; what is closed in one slot alone isn't one. */
export function isWindow({ action }: Pick<Step, 'action'>, kind: 'close-operations' | 'open-operations'): boolean {
  return action.kind === kind && action.slot === undefined;
}

/** What a rollout that goes forward may have closed at this moment, in words; undefined: nothing. */
export function closedMeanwhile(
  { steps }: Pick<CellPlan, 'steps'>,
  { begun, cursor, undo }: { readonly begun: number; readonly cursor: number; readonly undo: object | null },
): string | undefined {
  const left = undo === null ? windowLeftOpen(steps.slice(0, begun)) : undefined;
  if (left === undefined || (left.again && begun <= cursor)) return undefined;
  const { action } = left.step;
  if (action.kind !== 'close-operations' && action.kind !== 'open-operations') return undefined;
  const names = action.operations.map((each) => (typeof each === 'string' ? each : each.name));
  const { length } = action.tenants;
  return `${named(names)} may be closed meanwhile for ${length === 1 ? 'one tenant' : `${length} tenants`}, and opens by itself if nothing goes on`;
}
