import { plans } from '@headgate/testkit/domain/arbitraries';
import { aCell, aDownMigration, aManifest, aMigration, aPlan, aRelease } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CellPlan } from './plan.ts';
import { answersFailure, isWhole, movedTenants, type Scope, tenantsInScope, undoSteps } from './undo.ts';

const [cell] = aPlan().cells as [CellPlan];
const ALL: Scope = { kind: 'all', wave: 3 };
const begunTo = (id: string, of = cell): number => of.steps.findIndex((s) => s.id === id) + 1;
const undo = (scope: Scope, id: string, of = cell): string[] => undoSteps(of, scope, begunTo(id, of)).map((s) => s.id);

describe('an undo of all', () => {
  test.each([
    ['nothing begun', '', []],
    ['only a restore point taken', 'w1.restore-point.main', []],
    ['code deployed', 'w1.deploy', ['undo.w1.deploy']],
    ['a tenant moved', 'w1.route', ['undo.route', 'undo.w1.deploy', 'recover.reconcile.main', 'recover.verify']],
    ['two rings moved', 'w2.soak', ['undo.route', 'undo.w1.deploy', 'recover.reconcile.main', 'recover.verify']],
  ])('%s', (_name, begun, expected) => {
    expect(undo(ALL, begun)).toEqual(expected);
  });

  test('brings all back in one step, so that the last tenant is safe as soon as the first', () => {
    const [route] = undoSteps(cell, ALL, cell.steps.length);
    expect(route?.action).toEqual({ kind: 'route', tenants: ['ada', 'bob', 'cyd'], slot: 'blue' });
  });

  test('takes code back before data, since no down-migration may run below the new code', () => {
    const [down] = aPlan({ manifest: aManifest({ migrations: [aDownMigration(1)] }) }).cells as [CellPlan];
    expect(undo(ALL, 'w1.route', down).slice(0, 3)).toEqual(['undo.route', 'undo.w1.deploy', 'undo.w1.migrate.main']);
  });

  test('names who must agree to lose data', () => {
    const [risky] = aPlan({ manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) }).cells as [
      CellPlan,
    ];
    expect(undoSteps(risky, ALL, 3)).toContainEqual(
      expect.objectContaining({ id: 'undo.w1.migrate.main', approver: 'approver' }),
    );
  });

  test('leaves the slot that was cleared empty', () => {
    const [cleared] = aPlan({ cells: [aCell({ green: aRelease('0.9.0') })] }).cells as [CellPlan];
    expect(undo(ALL, 'w1.clear', cleared)).toEqual([]);
  });
});

describe('a narrower undo', () => {
  test("of a ring: only that ring's tenants, while the code goes on serving the others", () => {
    expect(undo({ kind: 'ring', wave: 2 }, 'w2.verify')).toEqual([
      'ring.undo.route',
      'ring.recover.reconcile.main',
      'ring.recover.verify',
    ]);
    expect(tenantsInScope(cell, { kind: 'ring', wave: 2 }, begunTo('w2.verify'))).toEqual(['bob']);
  });

  test('of the first ring: the code too, since it serves nobody then', () => {
    expect(undo({ kind: 'ring', wave: 1 }, 'w1.verify')).toContain('undo.w1.deploy');
  });

  test('of a tenant: only what it names, and only in its cell', () => {
    const scope: Scope = { kind: 'tenant', wave: 2, cell: 'shared', tenants: ['bob', 'cyd'] };
    expect(tenantsInScope(cell, scope, begunTo('w2.verify'))).toEqual(['bob']);
    expect(undo({ ...scope, cell: 'dedicated' }, 'w2.verify')).toEqual([]);
  });

  test('of another cell: nothing where tenants were moved, and all where none was', () => {
    const scope: Scope = { kind: 'cell', wave: 1, cell: 'dedicated' };
    expect(undo(scope, 'w1.route')).toEqual([]);
    expect(undo(scope, 'w1.deploy')).toEqual(['undo.w1.deploy']);
  });

  test("never touches a store in which others live whom it doesn't name", () => {
    const manifest = aManifest({ migrations: [aDownMigration(1)] });
    const [shared] = aPlan({ manifest }).cells as [CellPlan];
    expect(undo({ kind: 'ring', wave: 1 }, 'w1.verify', shared)).not.toContain('undo.w1.migrate.main');
    const [alone] = aPlan({ manifest, cells: [aCell({ tenants: { zoe: 'pilot' } })] }).cells as [CellPlan];
    expect(undo({ kind: 'ring', wave: 1 }, 'w1.verify', alone)).toContain('undo.w1.migrate.main');
  });

  test('widened to all, it carries the same effects out once, and those for other tenants anew', () => {
    const ring = undo({ kind: 'ring', wave: 2 }, 'w2.verify');
    expect(undo(ALL, 'w2.verify').filter((id) => ring.includes(id))).toEqual([]);
  });
});

describe('whether a rollback answers a failure', () => {
  const failure = { step: 'w2.verify', tenants: ['bob'] };
  test.each<[Scope, boolean]>([
    [ALL, true],
    [{ kind: 'cell', wave: 2, cell: 'shared' }, true],
    [{ kind: 'cell', wave: 2, cell: 'dedicated' }, false],
    [{ kind: 'ring', wave: 2 }, true],
    [{ kind: 'ring', wave: 1 }, false],
    [{ kind: 'tenant', wave: 2, cell: 'shared', tenants: ['bob'] }, true],
    [{ kind: 'tenant', wave: 2, cell: 'shared', tenants: ['ada'] }, false],
    [{ kind: 'tenant', wave: 2, cell: 'dedicated', tenants: ['bob'] }, false],
    [{ kind: 'tenant', wave: 2, cell: 'shared' }, false],
  ])('%o: %s', (scope, answers) => {
    expect(answersFailure(scope, cell, failure)).toBe(answers);
  });

  test('a failure that names no tenant is none of a tenant', () => {
    expect(
      answersFailure({ kind: 'tenant', wave: 2, cell: 'shared', tenants: ['bob'] }, cell, { ...failure, tenants: [] }),
    ).toBe(false);
  });
});

describe('every undo', () => {
  const scopes = (of: CellPlan): Scope[] => [
    ALL,
    { kind: 'cell', wave: 1, cell: of.cell },
    { kind: 'cell', wave: 1, cell: 'elsewhere' },
    { kind: 'ring', wave: 1 },
    { kind: 'ring', wave: 2 },
    { kind: 'tenant', wave: 1, cell: of.cell, tenants: ['ada', 'bob'] },
  ];

  test('moves only tenants of its scope that a begun step moved, and has ids of one step each', () => {
    fc.assert(
      fc.property(plans, fc.nat(40), (plan, n) => {
        for (const of of plan.cells) {
          const begun = n % (of.steps.length + 1);
          for (const scope of scopes(of)) {
            const steps = undoSteps(of, scope, begun);
            const back = tenantsInScope(of, scope, begun);
            const moved = movedTenants(of, begun);
            expect(new Set(steps.map((s) => s.id)).size).toBe(steps.length);
            expect(moved).toEqual(expect.arrayContaining([...back]));
            const routed = new Set(
              of.steps.slice(0, begun).flatMap((s) => (s.action.kind === 'route' ? s.action.tenants : [])),
            );
            const brought = steps.flatMap((s) => (s.action.kind === 'route' ? s.action.tenants : []));
            expect([...brought].sort()).toEqual(back.filter((tenant) => routed.has(tenant)).sort());
            for (const { id, action } of steps) {
              if (id.startsWith('again.')) continue;
              if ('tenants' in action) expect(back).toEqual(expect.arrayContaining([...action.tenants]));
              if (action.kind === 'route') expect(action.slot).toBe(of.slot.from);
              // Code is stopped only when nobody is left on it.
              if (action.kind === 'retire')
                expect(isWhole(of, scope, begun) && back.length === moved.length).toBe(true);
            }
          }
        }
      }),
    );
  });

  test('of all and of its cell is the same', () => {
    fc.assert(
      fc.property(plans, fc.nat(40), (plan, n) => {
        for (const of of plan.cells) {
          const begun = n % (of.steps.length + 1);
          expect(undoSteps(of, { kind: 'cell', wave: 1, cell: of.cell }, begun)).toEqual(undoSteps(of, ALL, begun));
        }
      }),
    );
  });
});
