/** Random promotion requests, of the shapes that real ones have, for properties over plans and the machines that walk them. */
import type { CellState, Migration, Plan, PlanRequest, RollbackScope } from '@headgate/domain';
import { planPromotion } from '@headgate/domain';
import fc from 'fast-check';
import {
  aCell,
  aDownMigration,
  aManifest,
  aMigration,
  anApplication,
  aPolicy,
  aRelease,
  aRequest,
} from './builders.ts';

const RINGS = ['internal', 'pilot', 'broad'];

const scope: fc.Arbitrary<RollbackScope> = fc.constantFrom('tenant', 'ring', 'cell', 'all');

function cell(name: string): fc.Arbitrary<CellState> {
  const tenants = fc.dictionary(fc.constantFrom('ada', 'bob', 'cyd', 'dan', 'eve'), fc.constantFrom(...RINGS), {
    minKeys: 1,
    noNullPrototype: true,
  });
  return fc.record({ tenants, two: fc.boolean(), occupied: fc.boolean() }).map(({ tenants, two, occupied }) => {
    const stores = two ? ['main', 'side'] : ['main'];
    const state = aCell({
      cell: name,
      tenants,
      stores,
      schemaRange: { min: 1, max: 4 },
      ...(occupied ? { green: aRelease('0.9.0') } : {}),
    });
    // Every other tenant lives in the second store.
    const living = Object.entries(state.tenants).map(
      ([tenant, t], i) => [tenant, { ...t, store: stores[i % stores.length] ?? 'main' }] as const,
    );
    return { ...state, tenants: Object.fromEntries(living) };
  });
}

/** A cell whose tenants live in stores of their own; what runs may or may not run on what comes. */
function ownCell(name: string): fc.Arbitrary<CellState> {
  const tenants = fc.dictionary(fc.constantFrom('ada', 'bob', 'cyd', 'dan', 'eve'), fc.constantFrom(...RINGS), {
    minKeys: 1,
    noNullPrototype: true,
  });
  return fc.record({ tenants, narrow: fc.boolean(), occupied: fc.boolean() }).map(({ tenants, narrow, occupied }) =>
    aCell({
      cell: name,
      tenants,
      ownStores: true,
      schemaRange: { min: 1, max: narrow ? 1 : 4 },
      ...(occupied ? { green: aRelease('0.9.0') } : {}),
    }),
  );
}

const cells: fc.Arbitrary<readonly CellState[]> = fc
  .record({ n: fc.integer({ min: 1, max: 3 }), own: fc.boolean() })
  .chain(({ n, own }) => fc.tuple(...[...Array(n).keys()].map((i) => (own ? ownCell : cell)(`cell-${i}`))));

const migrations: fc.Arbitrary<readonly Migration[]> = fc
  .array(fc.constantFrom('keep', 'down', 'restore'), { maxLength: 3 })
  .map((undos) => undos.map((undo, i) => (undo === 'down' ? aDownMigration(1 + i) : aMigration(1 + i, { undo }))));

/** Requests that are mostly planned; some are refused. */
export const requests: fc.Arbitrary<PlanRequest> = fc
  .record({
    scope,
    migrations,
    cells,
    soaks: fc.tuple(fc.constantFrom(0, 60_000), fc.constantFrom(0, 600_000), fc.constant(0)),
    attempts: fc.integer({ min: 1, max: 3 }),
    reconciles: fc.boolean(),
    only: fc.option(fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 4 }), { freq: 3 }),
  })
  .map(({ scope, migrations, cells, soaks, attempts, reconciles, only }) => {
    const max = 1 + migrations.length;
    const own = cells.every((c) => Object.entries(c.tenants).every(([name, { store }]) => store === name));
    const everybody = [...new Set(cells.flatMap((c) => Object.keys(c.tenants)))].sort();
    const tenants = only?.map((n) => everybody[n % everybody.length] as string);
    const { reconciliation, ...rest } = anApplication({
      tenancy: own ? 'store-per-tenant' : 'rows',
      rings: RINGS.map((name, i) => ({ name, soakMs: soaks[i] ?? 0 })),
    });
    return aRequest({
      cells,
      ...(tenants !== undefined && { tenants }),
      application: reconciles && reconciliation !== undefined ? { ...rest, reconciliation } : rest,
      policy: aPolicy({ rollbackScope: scope, attempts }),
      manifest: aManifest({ migrations, schemaRange: { min: max, max } }),
    });
  });

/** Plans of such requests. */
export const plans: fc.Arbitrary<Plan> = requests
  .map((request) => planPromotion(request))
  .filter((planned) => planned.ok)
  .map((planned) => planned.plan);
