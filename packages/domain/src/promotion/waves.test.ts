import { aCell, aPlan, HOUR_MS, MINUTE_MS, NOON } from '@headgate/testkit/domain/builders';
import { type Carry, sound, World } from '@headgate/testkit/domain/world';
import { begun, endOf, resultsOf, served, twoCells } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';

describe('a promotion', () => {
  test('goes through all waves, and lets its cells go', () => {
    const world = begun().run();
    expect(endOf(world)).toBe('promoted');
    expect(resultsOf(world)).toEqual(['completed', 'completed']);
    expect(served(world)).not.toContain('old');
  });

  test('with one wave says that it was the only one', () => {
    const world = begun(aPlan({ cells: [aCell({ tenants: { zoe: 'broad' } })] })).run();
    expect(world.promotion).toMatchObject({ result: 'promoted', because: 'its only wave is done' });
  });

  test('waits for its approval, and says so', () => {
    const world = new World(twoCells());
    world.tickDue();
    expect(world.promotion).toMatchObject({ phase: 'awaiting', reason: 'wave 1: gate approval is pending' });
    expect(world.promotion).toMatchObject({
      verdicts: expect.arrayContaining([expect.objectContaining({ gate: 'approval', who: 'approver' })]),
    });
  });

  test('expires untouched when nobody approves in time', () => {
    const world = new World(twoCells()).run();
    expect(endOf(world)).toBe('expired');
    expect(world.rollouts.size).toBe(0);
  });

  test('is told to be made anew when a cell changed before the first wave', () => {
    const world = begun();
    world.facts = () => ({ ...World.prototype.facts.call(world), baseChanged: ['shared'] });
    world.tickPromotion();
    expect(world.promotion).toMatchObject({ phase: 'ended', result: 'expired' });
  });

  test('takes an approval that runs out in mid-wave for the wave, and waits for a new one before the next', () => {
    const world = new World(twoCells());
    world.approve('usr_approver', MINUTE_MS);
    const slowly: Carry = (c, s, action, now) => {
      world.now += MINUTE_MS;
      return sound(c, s, action, now);
    };
    world.run(
      slowly,
      () =>
        world.promotion.phase === 'awaiting' && world.promotion.wave === 1 && /approval/.test(world.promotion.reason),
    );
    expect(served(world)).toContain('ada:new');
    world.approve('usr_other');
    expect(endOf(world.run())).toBe('promoted');
  });

  test('stops changing when a freeze begins in mid-wave, still looks, and goes on after it', () => {
    const world = begun();
    const freezing: Carry = (c, s, action, now) => {
      if (s === 'w2.route' && c === 'shared')
        world.freezes = [{ name: 'payroll', from: now, to: now + 2 * HOUR_MS, reason: 'pay day' }];
      return sound(c, s, action, now);
    };
    world.run(freezing, () => world.now > NOON + HOUR_MS);
    const dedicated = world.rollout('dedicated');
    expect(dedicated).toMatchObject({ phase: 'waiting', reason: 'gate window: fail' });
    expect(world.history.some((h) => h.event.type === 'rollout.step-done' && h.event.data.step === 'w2.verify')).toBe(
      true,
    );
    expect(served(world)).toBe('ada:new bob:new cyd:old zoe:old yan:old');
    expect(endOf(world.run())).toBe('promoted');
  });

  test('a freeze that holds up a migration makes its restore point too old, which is said', () => {
    const world = begun();
    const freezing: Carry = (c, s, action, now) => {
      if (s === 'w1.restore-point.main')
        world.freezes = [{ name: 'payroll', from: now, to: now + 2 * HOUR_MS, reason: 'pay day' }];
      return sound(c, s, action, now);
    };
    world.run(freezing, () => world.now > NOON + 2 * HOUR_MS + MINUTE_MS);
    expect(world.rollout('shared')).toMatchObject({ phase: 'waiting', reason: 'gate restore-point: fail' });
  });
});
