/** Rules that the simulator found broken: what a rollout owes to the ones before it, and to a control plane that forgot. */
import {
  aCell,
  aDownMigration,
  aManifest,
  aMigration,
  aPlan,
  digestOf,
  HOUR_MS,
  NOON,
  soundFacts,
} from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import type { CellPlan, Plan, Step } from '../plan/plan.ts';
import { undoSteps } from '../plan/undo.ts';
import { approverAsked, decideAnswer } from './assignment.ts';
import { cellAfter } from './cell-after.ts';
import { nextOfRollout, type RolloutFacts } from './decide.ts';
import { evolveRollout } from './evolve.ts';
import type { Rollout } from './state.ts';

const plan = aPlan();
const cell = plan.cells[0] as CellPlan;
const scope = { kind: 'all', wave: 2 } as const;

function opened(after?: number): Rollout {
  return evolveRollout(undefined, {
    type: 'rollout.opened',
    data: {
      id: 'prm_1.shared',
      promotion: 'prm_1',
      cell: cell.cell,
      environment: 'production',
      plan: digestOf('plan'),
      epoch: 1,
      ...(after === undefined ? {} : { after }),
      until: NOON + HOUR_MS,
    },
  });
}

function undoing(of: Plan = plan): RolloutFacts {
  const course = { kind: 'undo', openWave: 2, until: NOON + HOUR_MS, scope, because: 'b' } as const;
  const planned = of.cells[0] as CellPlan;
  return { now: NOON, dueAt: null, plan: of, cell: planned, course, gates: soundFacts(NOON, {}) };
}

test('fences go on from the rollout that had the cell before', () => {
  expect(opened().n).toBe(0);
  expect(opened(41).n).toBe(41);
});

describe('an undo after the control plane was restored', () => {
  test('takes all steps of the open waves for begun, since the rollout may have come farther than it knows', () => {
    const [event] = nextOfRollout(opened(), { ...undoing(), epoch: 2 }).events;
    const begun = cell.steps.filter((step) => step.wave <= 2).length;
    expect(event).toMatchObject({ type: 'rollout.undo-begun', data: { begun } });
    const state = evolveRollout(opened(), event!);
    expect(undoSteps(cell, scope, state.begun)[0]?.action.kind).toBe('route');
  });

  test('and without a restore takes those alone that were', () => {
    const [event] = nextOfRollout(opened(), { ...undoing(), epoch: 1 }).events;
    expect(evolveRollout(opened(), event!).begun).toBe(0);
  });
});

test('a step that loses data is agreed to anew by its approver when it failed after the agreement', () => {
  const loses = aPlan({ manifest: aManifest({ migrations: [aMigration(0), aMigration(1, { undo: 'restore' })] }) });
  const planned = loses.cells[0] as CellPlan;
  const steps = undoSteps(planned, scope, planned.steps.length);
  const cursor = steps.findIndex((step) => step.approver !== undefined);
  const step = steps[cursor]!;
  const asking: Rollout = {
    ...opened(),
    begun: planned.steps.length,
    undo: { scope, because: 'b', cursor, agreed: true },
    phase: 'asking',
    step: step.id,
    question: 'it failed',
    until: NOON + HOUR_MS,
  };
  expect(approverAsked(asking, planned)).toBe(step.approver);
  const operator = { id: 'usr_1', roles: ['operator'] } as const;
  expect(decideAnswer(asking, planned, operator, NOON, 'agree')).toMatchObject({ ok: false });
  expect(decideAnswer(asking, planned, operator, NOON, 'retry')).toMatchObject({ ok: true });
});

test('a migration that was begun and taken back half way leaves the store uncertain', () => {
  const manifest = aManifest({ schemaRange: { min: 2, max: 3 }, migrations: [aMigration(1), aDownMigration(2)] });
  const partly = aPlan({ manifest, cells: [aCell({ schemaRange: { min: 1, max: 3 } })] });
  const planned = partly.cells[0] as CellPlan;
  const at = planned.steps.findIndex((s: Step) => s.action.kind === 'migrate');
  const begun = at + 1;
  const undo = undoSteps(planned, scope, begun);
  const settled = (cursor: number): Rollout => ({
    ...opened(),
    cursor,
    begun,
    undo: { scope, because: 'b', cursor: undo.length, agreed: false },
    phase: 'settled',
    result: 'undone',
  });
  expect(undo.map((s) => s.action.kind)).toContain('unmigrate');
  expect(cellAfter(partly, planned, settled(at)).uncertain).toBe(true);
  expect(cellAfter(partly, planned, settled(begun)).uncertain).toBe(false);
});
