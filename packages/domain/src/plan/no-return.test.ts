import { aCell, aDownMigration, aManifest, aMigration, anApplication, aPlan } from '@headgate/testkit/domain/builders';
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
      const migrations = [
        aMigration(0),
        undo === 'down' ? aDownMigration(1, { phase }) : aMigration(1, { undo, phase }),
      ];
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
      const plan = aPlan({
        manifest: aManifest({
          migrations: [aMigration(0), undo === 'down' ? aDownMigration(1) : aMigration(1, { undo })],
        }),
      });
      expect(plan.pointOfNoReturn).toBeNull();
      expect(asked(plan)).toEqual([undefined]);
    }
  });

  describe('a way back that a rehearsal found to lose data', () => {
    const lossy = {
      manifest: aManifest({ migrations: [aMigration(0), aDownMigration(1)] }),
      lossyBack: true,
    };

    test('is a point of no return, and takes an approver, in a shared store', () => {
      const plan = aPlan(lossy);
      const step = plan.cells[0]?.steps.find(({ id }) => id === 'w1.migrate.main');
      expect(step?.undo).toMatchObject({ action: { kind: 'unmigrate' }, approver: 'approver' });
      expect(plan.pointOfNoReturn).toMatchObject({
        step: 'w1.migrate.main',
        because: expect.stringContaining('its way back loses data'),
      });
      expect(asked(plan)).toEqual(['w1.restore-point.main']);
    });

    test('and in a tenant’s own from when they are opened on', () => {
      const application = anApplication({ tenancy: 'store-per-tenant' });
      const cells = [aCell({ ownStores: true, schemaRange: { min: 1, max: 1 } })];
      const plan = aPlan({ ...lossy, application, cells });
      const [cell] = plan.cells;
      const undos = cell!.steps.filter(({ undo }) => undo.kind === 'act' && undo.approver !== undefined);
      expect(undos.length).toBeGreaterThan(0);
      expect(undos.every(({ action }) => action.kind === 'open')).toBe(true);
      expect(plan.pointOfNoReturn?.step).toMatch(/open/);
      expect(askedBefore(cell!)?.action.kind).toBe('hold');
    });
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
