import { aCell, aManifest, aMigration, anApplication, aPlan } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import { askedBefore, noReturnOf } from './no-return.ts';
import type { Plan } from './plan.ts';
import { heldTenants } from './undo.ts';

const restored = { manifest: aManifest({ migrations: [aMigration(0), aMigration(1, { undo: 'restore' })] }) };
const ownStores = aPlan({
  manifest: aManifest({ schemaRange: { min: 2, max: 2 }, migrations: restored.manifest.migrations }),
  application: anApplication({ tenancy: 'store-per-tenant' }),
  cells: [aCell({ ownStores: true, schemaRange: { min: 1, max: 1 } })],
});

const asked = ({ cells }: Plan) => cells.map((cell) => askedBefore(cell)?.id);

describe('the point of no return, and what is asked before it', () => {
  test('there is none where everything can be undone', () => {
    const plan = aPlan();
    expect(plan.pointOfNoReturn).toBeNull();
    expect(asked(plan)).toEqual([undefined]);
  });

  test('where a shared store is restored, a go is asked for before its restore point is taken', () => {
    const plan = aPlan({ ...restored, cells: [aCell({ schemaVersion: 1 })] });
    const [cell] = plan.cells;
    expect(noReturnOf(cell!)).toEqual(plan.pointOfNoReturn);
    expect(plan.pointOfNoReturn?.step).toMatch(/migrate/);
    const step = askedBefore(cell!);
    expect(step?.action.kind).toBe('restore-point');
    expect(cell!.steps.indexOf(step!)).toBeLessThan(
      cell!.steps.findIndex(({ id }) => id === plan.pointOfNoReturn?.step),
    );
  });

  test.each([
    ['keep', 'contract'],
    ['down', 'contract'],
    ['keep', 'data'],
    ['down', 'data'],
  ] as const)(
    'a way back that is %s gives nobody what a %s migration took: a go is asked for before it',
    (undo, phase) => {
      const migrations = [aMigration(0), aMigration(1, { undo, phase })];
      const cells = [aCell({ schemaVersion: 1, schemaRange: { min: 1, max: 2 } })];
      const plan = aPlan({ manifest: aManifest({ migrations }), cells });
      expect(plan.pointOfNoReturn).toEqual({
        cell: 'shared',
        step: 'w1.migrate.main',
        because: 'from then on, only its restore point surely has what m2 takes away or changes',
      });
      expect(asked(plan)).toEqual(['w1.restore-point.main']);
    },
  );

  test('what is wholly expanded, and kept or taken back by its file, needs no go', () => {
    for (const undo of ['keep', 'down'] as const) {
      const plan = aPlan({ manifest: aManifest({ migrations: [aMigration(0), aMigration(1, { undo })] }) });
      expect(plan.pointOfNoReturn).toBeNull();
      expect(asked(plan)).toEqual([undefined]);
    }
  });

  test('where tenants have stores of their own, before anybody is held', () => {
    expect(ownStores.cells.length).toBeGreaterThan(0);
    for (const cell of ownStores.cells) {
      const step = askedBefore(cell);
      expect(step?.action.kind).toBe('hold');
      expect(heldTenants(cell, cell.steps.indexOf(step!)).size).toBe(0);
      expect(noReturnOf(cell)?.step).toMatch(/open/);
    }
  });
});
