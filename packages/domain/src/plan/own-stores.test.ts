import { anUpgrade, aPolicy } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import type { CellPlan, Step } from './plan.ts';
import { type PlanRequest, planPromotion } from './planner.ts';
import { heldTenants, type Scope, undoSteps } from './undo.ts';

const policy = aPolicy({ rollbackScope: 'tenant', maintenance: 'reads-first' });

function cellOf(more: Partial<PlanRequest> = {}): CellPlan {
  const planned = planPromotion(anUpgrade({ policy, ...more }));
  if (!planned.ok) throw new Error(planned.refusals[0]?.why);
  return planned.plan.cells[0] as CellPlan;
}

describe('where those who only read are served at first', () => {
  const cell = cellOf();
  const ofAda = cell.steps.filter((step) => step.of?.includes('ada'));
  const begun = (id: string) => cell.steps.findIndex((s) => s.id === id) + 1;
  const stepOf = (id: string) => cell.steps.find((s) => s.id === id) as Step;

  test('writes are held for the restore point, and everybody for the migration', () => {
    expect(ofAda.map(({ id }) => id)).toEqual(
      ['hold-writes', 'restore-point', 'hold', 'migrate', 'route', 'verify', 'open'].map((verb) => `w1.${verb}.ada`),
    );
    expect(stepOf('w1.hold-writes.ada').action).toEqual({ kind: 'hold', tenants: ['ada'], reads: true });
    expect(stepOf('w1.hold.ada').action).toEqual({ kind: 'hold', tenants: ['ada'] });
    expect(stepOf('w1.migrate.ada').needs).toEqual(['w1.restore-point.ada', 'w1.hold.ada']);
    expect(stepOf('w1.restore-point.ada').needs).toEqual(['w1.hold-writes.ada']);
  });

  test.each([
    ['w1.hold-writes.ada', ['undo.w1.hold-writes.ada']],
    ['w1.restore-point.ada', ['undo.w1.hold-writes.ada']],
    ['w1.hold.ada', ['undo.w1.hold-writes.ada']],
    ['w1.migrate.ada', ['undo.w1.migrate.ada', 'undo.w1.hold-writes.ada']],
  ])('going back from %s opens the tenant once', (id, expected) => {
    const scope: Scope = { kind: 'tenant', wave: 1, cell: cell.cell, tenants: ['ada'] };
    expect([...heldTenants(cell, begun(id))]).toEqual(['ada']);
    const steps = undoSteps(cell, scope, begun(id)).filter(
      ({ action }) => action.kind !== 'verify' && action.kind !== 'reconcile',
    );
    expect(steps.map((step) => step.id).filter((each) => each.endsWith('.ada'))).toEqual(expected);
    expect(steps.filter(({ action }) => action.kind === 'open')).toHaveLength(1);
  });
});
