import { anUpgrade, HOUR_MS } from '@headgate/testkit/domain/builders';
import { sound, type World } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, held, offered, served } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../plan/plan.ts';
import { planPromotion } from '../plan/planner.ts';
import { decidePause } from '../promotion/commands.ts';
import { nextOfRollout } from './decide.ts';

function upgrade(): Plan {
  const planned = planPromotion(anUpgrade());
  if (!planned.ok) throw new Error(planned.refusals[0]?.why);
  return planned.plan;
}

/** The cell's first tenant is held, and the step after that is on offer. */
function holding(): World {
  const world = begun(upgrade());
  const cursor = world.cellPlan('shared').steps.findIndex((s) => s.id === 'w1.restore-point.ada');
  return world.run(sound, offered(world, cursor));
}

const isHeld = (world: World): boolean => world.cells.get('shared')?.tenants.ada?.held === true;

describe('a promotion of tenants with stores of their own', () => {
  test('takes one after the other, and ends with nobody held', () => {
    const world = begun(upgrade()).run();
    expect(endOf(world)).toBe('promoted');
    expect(served(world)).toBe('ada:new bob:new cyd:new');
    expect(Object.values(world.cells.get('shared')?.tenants ?? {}).filter((t) => t.held)).toEqual([]);
  });

  test('whose tenant fails brings that tenant back alone, without anybody’s leave, and asks what becomes of the rest', () => {
    const world = begun(upgrade());
    world.run(breaking('shared', 'w2.verify.bob', 'bob'), held(world));
    expect(world.promotion).toMatchObject({ phase: 'held', undo: { scope: { kind: 'tenant', tenants: ['bob'] } } });
    expect(served(world)).toBe('ada:new bob:old cyd:old');
    expect(world.cells.get('shared')?.stores).toMatchObject({ ada: { schemaVersion: 2 }, bob: { schemaVersion: 1 } });
    expect(world.history.filter((h) => h.event.type === 'rollout.asked')).toEqual([]);
  });

  test('whose upgrade itself fails brings that tenant back, though no check named them', () => {
    const world = begun(upgrade());
    const failing: typeof sound = (cell, step, action, now) =>
      step === 'w1.migrate.ada'
        ? { kind: 'failed', code: 'rejected', why: 'a module is missing' }
        : sound(cell, step, action, now);
    world.run(failing, () => world.promotion.phase === 'ended');
    expect(endOf(world)).toBe('rolled-back');
    expect(served(world)).toBe('ada:old bob:old cyd:old');
    expect(isHeld(world)).toBe(false);
  });
});

describe('while a tenant is held', () => {
  test('a freeze brings them back instead of keeping them waiting', () => {
    const world = holding();
    world.freezes = [{ name: 'now', reason: 'month end', from: world.now, to: world.now + HOUR_MS }];
    world.run(sound, () => world.promotion.phase === 'ended');
    expect(endOf(world)).toBe('rolled-back');
    expect(isHeld(world)).toBe(false);
  });

  test('the latest finish brings them back', () => {
    const world = holding();
    world.now = world.plan.latestFinish;
    world.run(sound, () => world.promotion.phase === 'ended');
    expect(isHeld(world)).toBe(false);
    expect(served(world)).toBe('ada:old bob:old cyd:old');
  });

  test('a person’s pause says whom it keeps waiting', () => {
    const world = holding();
    world.command((p, now) => decidePause(p, 'usr_1', 'wait', now));
    world.tickDue();
    expect(world.rollout('shared')).toMatchObject({
      phase: 'waiting',
      reason: 'the promotion is on hold, and ada is held meanwhile',
    });
  });

  test('what is kept as it is keeps nobody held', () => {
    const world = holding();
    const course = { kind: 'keep', openWave: 1, until: world.now } as const;
    const { events } = nextOfRollout(world.rollout('shared'), { ...world.rolloutFacts('shared'), course });
    expect(events).toMatchObject([
      { type: 'rollout.undo-begun', data: { scope: { kind: 'tenant', cell: 'shared', tenants: [] } } },
    ]);
  });
});
