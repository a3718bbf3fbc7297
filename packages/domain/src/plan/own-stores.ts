/**
 * Tenants with a store of their own, whose code before can't serve what an upgrade leaves: each is held, upgraded, moved,
 * checked and opened again, one after the other, while everybody else is served. What was written is safe until a tenant
 * is opened: up to there the way back loses nothing.
 */
import { type CellState, fits } from '../model/cell.ts';
import type { Migration } from '../model/release.ts';
import { migrate, migrationsOf, undoMigration } from './migrations.ts';
import { isTooOld } from './older-code.ts';
import type { Action, CellPlan, Undo, Wave } from './plan.ts';
import type { PlanRequest } from './planner.ts';
import type { Refuse } from './slots.ts';
import { does, keep, type MakeStep } from './step-maker.ts';

export interface OwnStores {
  readonly request: PlanRequest;
  readonly cell: CellState;
  readonly slot: CellPlan['slot'];
  readonly wave: Wave;
  readonly tenants: readonly string[];
  /** What must be done before the first tenant moves. */
  readonly needs: readonly string[];
  readonly make: MakeStep;
  readonly refuse: Refuse;
}

/** The steps for a ring's tenants whose stores are upgraded; the rest only move. Undefined: a rule says no, and was told. */
export function upgradeOwnStores(
  own: OwnStores,
): { readonly opened: readonly string[]; readonly rest: readonly string[] } | undefined {
  const { request, cell, tenants, refuse } = own;
  const stores = [...new Set(tenants.map((name) => cell.tenants[name]?.store ?? ''))].sort();
  const livingIn = tenantsByStore(cell);
  const opened: string[] = [];
  const rest: string[] = [];
  for (const store of stores) {
    const living = livingIn.get(store) ?? [];
    const [name] = living;
    if (name === undefined || living.length > 1) {
      refuse(
        'shared-store',
        `store ${store} serves ${living.sort().join(', ')}, and the application declares a store for each tenant`,
        'give each of them a store of its own, or declare another tenancy',
      );
      return undefined;
    }
    const from = cell.stores[store]?.schemaVersion ?? 0;
    const chain = migrationsOf(request.manifest, store, from, undefined, refuse);
    if (chain === undefined || isTooOld(request, cell, store, refuse)) return undefined;
    if (chain.length === 0) {
      rest.push(name);
      continue;
    }
    const undo = undoMigration(request, chain, store, from);
    if (!bringsBack(own, store, chain, undo)) return undefined;
    opened.push(upgrade(own, name, store, chain, undo));
  }
  return { opened, rest };
}

/** Gathered once a wave: asking each store anew would take minutes where there are thousands. */
function tenantsByStore(cell: CellState): ReadonlyMap<string, string[]> {
  const livingIn = new Map<string, string[]>();
  for (const [name, { store }] of Object.entries(cell.tenants)) {
    const living = livingIn.get(store);
    if (living === undefined) livingIn.set(store, [name]);
    else living.push(name);
  }
  return livingIn;
}

/** Whether what the undo leaves is something that the code before runs on. */
function bringsBack(
  { cell, slot, refuse }: OwnStores,
  store: string,
  chain: readonly Migration[],
  undo: Undo,
): boolean {
  const from = chain[0]?.from;
  const left = undo.kind === 'act' && 'to' in undo.action ? undo.action.to : chain.at(-1)?.to;
  const { schemaRange, release } = cell.slots[slot.from] ?? {};
  if (left === undefined || left === from || (schemaRange !== undefined && fits(schemaRange, left))) return true;
  refuse(
    'no-way-back',
    `an undo would leave store ${store} at schema ${left}, on which ${release?.version ?? 'what runs'} in slot ${slot.from} doesn't run`,
    'declare `undo: restore` for the migration, or write what takes it back',
  );
  return false;
}

function upgrade(
  { request, cell, slot, wave, needs, make }: OwnStores,
  tenant: string,
  store: string,
  chain: readonly Migration[],
  undoing: Undo,
): string {
  const { policy, application } = request;
  const tenants = [tenant];
  const of = tenants;
  const from = cell.stores[store]?.schemaVersion ?? 0;
  const step = (name: string, action: Action, undo: Undo, needs: readonly string[]): string =>
    make(wave.n, `${name}.${tenant}`, action, undo, { needs, of });
  const opening = does(policy, { kind: 'open', tenants });
  const copy = (needs: readonly string[]): string =>
    step('restore-point', { kind: 'restore-point', store }, keep('a restore point changes nothing'), needs);
  const quiet = (): readonly string[] => {
    if (policy.maintenance !== 'reads-first') {
      const hold = step('hold', { kind: 'hold', tenants }, opening, needs);
      return [copy([hold])];
    }
    const writes = step('hold-writes', { kind: 'hold', tenants, reads: true }, opening, needs);
    const point = copy([writes]);
    const opened = keep(`undoing ${writes} opens it again`);
    return [point, step('hold', { kind: 'hold', tenants }, opened, [point])];
  };
  const held = quiet();
  // Nobody writes meanwhile, so a restore loses nothing and needs nobody's leave; opening is what makes it cost something.
  const { approver: _, ...undo } = { approver: undefined, ...undoing };
  const migrated = step('migrate', migrate(store, from, chain), undo as Undo, held);
  const back = does(policy, { kind: 'route', tenants, slot: slot.from });
  const route = step('route', { kind: 'route', tenants, slot: slot.to }, back, [migrated]);
  const look: Action = { kind: 'verify', tenants, verification: application.verification, slot: slot.to };
  const verify = step('verify', look, keep('it only looks'), [route]);
  const again = does(policy, { kind: 'hold', tenants });
  const losing = undoing.kind === 'act' && undoing.approver !== undefined;
  return step('open', { kind: 'open', tenants }, losing ? { ...again, approver: 'approver' } : again, [verify]);
}
