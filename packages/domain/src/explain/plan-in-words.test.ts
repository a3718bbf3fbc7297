import { plans } from '@headgate/testkit/domain/arbitraries';
import { sound, type World } from '@headgate/testkit/domain/world';
import { begun, breaking, offered, reached, twoCells } from '@headgate/testkit/domain/worlds';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideRollback } from '../promotion/commands.ts';
import { planOutline, stepsInWords, wayBack } from './plan-in-words.ts';

const cellOf = (world: World, name = 'shared') => {
  const cell = world.plan.cells.find((c) => c.cell === name);
  if (cell === undefined) throw new Error(`no cell ${name}`);
  return cell;
};

test('an outline leaves out no step and no cell, and names no list of tenants in full', () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const outline = planOutline(plan);
      const steps = outline.waves.flatMap((w) => w.cells).reduce((sum, c) => sum + c.steps, 0);
      expect(steps).toBe(plan.cells.reduce((sum, c) => sum + c.steps.length, 0));
      for (const { who } of outline.waves.flatMap((w) => w.cells)) expect(who.split(',').length).toBeLessThan(8);
    }),
    { numRuns: 100 },
  );
});

test('steps stand where the rollout has them: done behind it, one at hand, the rest ahead', () => {
  const world = begun();
  expect(stepsInWords(cellOf(world), undefined).every((s) => s.stands === 'ahead')).toBe(true);
  expect(stepsInWords(cellOf(world), undefined, true).every((s) => s.stands === 'left')).toBe(true);
  world.run(sound, offered(world, 3));
  const rollout = world.rollouts.get('shared');
  const stands = stepsInWords(cellOf(world), rollout).map((s) => s.stands);
  expect(stands.slice(0, 4)).toEqual(['done', 'done', 'done', 'at-hand']);
  expect(new Set(stands.slice(4))).toEqual(new Set(['ahead']));
});

test('a failure leaves what was not begun, and the steps back follow', () => {
  const world = begun();
  world.run(breaking('shared', 'w1.verify', 'ada'), reached(world, 'settled'));
  const steps = stepsInWords(cellOf(world), world.rollouts.get('shared'));
  const back = steps.filter((s) => s.course === 'undo');
  expect(back[0]).toMatchObject({ id: 'undo.route', stands: 'done', wave: null });
  expect(back.every((s) => s.stands === 'done')).toBe(true);
  expect(steps.find((s) => s.id === 'w1.verify')?.stands).toBe('begun');
  expect(steps.find((s) => s.id === 'w2.route')?.stands).toBe('left');
});

test('the way back is what a rollback of everything then does, step by step', () => {
  const world = begun();
  expect(wayBack(world.plan, new Map(), 0, world.now)).toEqual([]);
  world.run(sound, offered(world, 4));
  const told = wayBack(world.plan, world.rollouts, world.promotion.wave, world.now).find((c) => c.cell === 'shared');
  expect(told?.tenants).toBeGreaterThan(0);
  world.command((promotion, now) => decideRollback(promotion, 'usr_ops', 'it is slow', now));
  world.run(sound, reached(world, 'settled'));
  const carried = stepsInWords(cellOf(world), world.rollouts.get('shared')).filter((s) => s.course === 'undo');
  expect(carried.map((s) => s.id)).toEqual(told?.steps.map((s) => s.id));
});

test('a restore on the way back is told as what is lost', () => {
  const plan = twoCells();
  const cells = plan.cells.map((cell) => ({
    ...cell,
    steps: cell.steps.map((step) =>
      step.action.kind === 'migrate'
        ? {
            ...step,
            undo: {
              kind: 'act' as const,
              action: { kind: 'restore' as const, store: step.action.store, to: step.action.from },
              timeoutMs: 1_000,
              attempts: 1,
              approver: 'approver',
            },
          }
        : step,
    ),
  }));
  const world = begun({ ...plan, cells });
  world.run(sound, offered(world, 4));
  const told = wayBack(world.plan, world.rollouts, 1, world.now).find((c) => c.cell === 'shared');
  expect(told?.loses).toEqual([expect.stringContaining('losing what was written since')]);
  expect(told?.steps.find((s) => s.text.startsWith('restore'))?.approver).toBe('approver');
});
