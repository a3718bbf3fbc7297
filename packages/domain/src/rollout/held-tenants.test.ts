import { anUpgrade, DAY_MS, HOUR_MS } from '@headgate/testkit/domain/builders';
import { type Carry, LEASE_MS, sound, type World } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, held, offered, reached, served } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import { accepted } from '../model/refusal.ts';
import type { Plan } from '../plan/plan.ts';
import { planPromotion } from '../plan/planner.ts';
import { decideKeep, decidePause, decideRollback } from '../promotion/commands.ts';
import { rollBack } from '../promotion/endings.ts';
import { approverAsked, decideAnswer } from './assignment.ts';
import { nextOfRollout } from './decide.ts';

function upgrade(): Plan {
  const planned = planPromotion(anUpgrade());
  if (!planned.ok) throw new Error(planned.refusals[0]?.why);
  return planned.plan;
}

const at = (world: World, id: string): number => world.cellPlan('shared').steps.findIndex((s) => s.id === id);

/** A step of the cell is on offer. */
function offering(id: string): World {
  const world = begun(upgrade());
  return world.run(sound, offered(world, at(world, id)));
}

/** A step has its effect, and its agent is never heard of again. */
function silently(id: string): World {
  const world = offering(id);
  world.lease('shared');
  world.effect('shared');
  return world;
}

function freeze(world: World, forMs: number): World {
  world.freezes = [{ name: 'now', reason: 'month end', from: world.now, to: world.now + forMs }];
  return world;
}

/** The promotion's latest finish passes, it asks, and a person keeps what is there. */
function kept(world: World): World {
  world.now = Math.max(world.now, world.plan.latestFinish);
  world.tickPromotion();
  expect(world.command((p, now) => decideKeep(p, 'usr_1', now))).toBe(true);
  return world.run(sound);
}

/** The cell's first tenant is held, and the step after that is on offer. */
function holding(): World {
  return offering('w1.restore-point.ada');
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
    freeze(world, HOUR_MS).run(sound, () => world.promotion.phase === 'ended');
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

describe('while nobody knows whether a tenant is held, since the lease of their hold was lost', () => {
  test('a freeze brings them back', () => {
    const world = silently('w1.hold.ada');
    const since = world.now;
    freeze(world, DAY_MS).run(sound, () => world.promotion.phase === 'ended');
    expect(endOf(world)).toBe('rolled-back');
    expect(world.now - since).toBeLessThan(60_000);
    expect(isHeld(world)).toBe(false);
  });

  test('a person’s pause says whom it keeps waiting', () => {
    const world = silently('w1.hold.ada');
    world.now += LEASE_MS;
    world.tickDue();
    world.command((p, now) => decidePause(p, 'usr_1', 'wait', now));
    world.tickDue();
    expect(world.rollout('shared')).toMatchObject({
      reason: 'the promotion is on hold, and ada is held meanwhile',
    });
  });
});

describe('while nobody knows whether a verified tenant was opened', () => {
  const closing: readonly (readonly [string, (world: World) => void])[] = [
    ['its lease was lost without effect', (world) => world.lease('shared')],
    ['nobody had leased it yet', () => undefined],
  ];
  test.each(closing)('a freeze does not keep them held: %s', (_how, before) => {
    const world = offering('w1.open.ada');
    before(world);
    freeze(world, DAY_MS);
    world.run(sound, () => world.rollout('shared').cursor > at(world, 'w1.open.ada'));
    expect(isHeld(world)).toBe(false);
    expect(served(world)).toBe('ada:new bob:old cyd:old');
    expect(world.promotion.phase).toBe('advancing');
  });

  test('a rollback opens them first, and asks the approver while they are served', () => {
    const world = offering('w1.open.ada');
    world.lease('shared');
    world.command((p, now) => decideRollback(p, 'usr_1', 'all of it', now));
    world.run(sound, reached(world, 'asking'));
    expect(approverAsked(world.rollout('shared'), world.cellPlan('shared'))).toBe('approver');
    expect(isHeld(world)).toBe(false);
  });
});

describe('an undo that holds a tenant, as was agreed', () => {
  const agree = (world: World): boolean =>
    world.answer('shared', (r, now) =>
      decideAnswer(r, world.cellPlan('shared'), { id: 'usr_2', roles: ['approver'] }, now, 'agree'),
    );

  /** Ada and bob were opened; ada alone goes back, and the approver has agreed to it. */
  function takingBack(): World {
    const world = offering('w2.soak');
    const scope = { kind: 'tenant', wave: 2, cell: 'shared', tenants: ['ada'] } as const;
    world.command((_p, now) => accepted(rollBack(now, scope, 'ada is unhappy', 'usr_1')));
    world.run(sound, reached(world, 'asking'));
    expect(agree(world)).toBe(true);
    return world;
  }

  test.each([
    ['is held', (world: World) => world.run(sound, () => isHeld(world) && world.rollout('shared').phase !== 'leased')],
    [
      'may be held, since the lease was lost',
      (world: World) => {
        world.run(sound, reached(world, 'offered'));
        world.lease('shared');
        world.effect('shared');
      },
    ],
  ])('opens them before a wider one asks about somebody else: who %s', (_who, until) => {
    const world = takingBack();
    until(world);
    expect(isHeld(world)).toBe(true);
    world.command((p, now) => decideRollback(p, 'usr_1', 'all of it', now));
    world.run(sound, reached(world, 'asking'));
    expect(world.rollout('shared')).toMatchObject({ step: 'undo.w2.open.bob' });
    expect(served(world)).toBe('ada:old bob:new cyd:old');
    expect(isHeld(world)).toBe(false);
  });

  test('goes on in the wider scope until all are back', () => {
    const world = takingBack();
    world.run(sound, () => isHeld(world));
    world.command((p, now) => decideRollback(p, 'usr_1', 'all of it', now));
    while (!world.ended()) {
      world.run(sound, () => world.rollout('shared').phase === 'asking');
      agree(world);
    }
    expect(endOf(world)).toBe('rolled-back');
    expect(served(world)).toBe('ada:old bob:old cyd:old');
  });
});

describe('what is kept as it is keeps nobody held', () => {
  const unknown: (id: string) => Carry = (id) => (cell, step, action, now) =>
    step === id ? { kind: 'failed', code: 'unknown', why: 'nobody knows' } : sound(cell, step, action, now);

  test('whose hold had its effect although its lease was lost', () => {
    const world = silently('w1.hold.ada');
    world.now += LEASE_MS;
    // Nothing looks at the rollout any more before the promotion asks.
    world.command((p, now) => decidePause(p, 'usr_1', 'wait', now));
    const course = { kind: 'keep', openWave: 1, until: world.now } as const;
    world.tickRollout('shared');
    const { events } = nextOfRollout(world.rollout('shared'), { ...world.rolloutFacts('shared'), course });
    expect(events).toMatchObject([{ type: 'rollout.undo-begun', data: { scope: { kind: 'tenant', tenants: [] } } }]);
  });

  test.each(['w1.hold.ada', 'w1.migrate.ada', 'w1.verify.ada', 'w1.open.ada'])(
    'while %s asks what became of it',
    (id) => {
      const world = begun(upgrade());
      kept(world.run(unknown(id), reached(world, 'asking')));
      expect(endOf(world)).toBe('expired');
      expect(isHeld(world)).toBe(false);
      expect(served(world)).toBe(id === 'w1.open.ada' ? 'ada:new bob:old cyd:old' : 'ada:old bob:old cyd:old');
    },
  );

  test('when their step failed, and the promotion had not looked yet', () => {
    const world = offering('w1.verify.ada');
    world.lease('shared');
    world.wakes = false;
    world.now = world.plan.latestFinish;
    world.tickPromotion();
    world.settle('shared', world.rollout('shared').n, { kind: 'failed', code: 'check-failed', why: 'broken' });
    expect(world.command((p, now) => decideKeep(p, 'usr_1', now))).toBe(true);
    world.run(sound);
    expect(isHeld(world)).toBe(false);
    expect(served(world)).toBe('ada:old bob:old cyd:old');
  });
});
