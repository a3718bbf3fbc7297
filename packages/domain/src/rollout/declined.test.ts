import { aManifest, aMigration, anUpgrade, aPlan, DAY_MS } from '@headgate/testkit/domain/builders';
import { type Carry, sound, type World } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, reached, resultsOf, served, twoCells } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import { planPromotion } from '../plan/planner.ts';
import { decideRollback } from '../promotion/commands.ts';
import { decideOvertake } from '../promotion/overtake.ts';
import { decideAnswer } from './assignment.ts';
import { isDeclined } from './decide.ts';
import type { RolloutAnswer } from './events.ts';

const RESTORES = aManifest({ migrations: [aMigration(1, { undo: 'restore' })] });
const carry = breaking('shared', 'w1.verify', 'ada');

/** A promotion that goes back, and asks before it restores the shared store. */
function asking(plan = aPlan({ manifest: RESTORES })): World {
  const world = begun(plan);
  return world.run(carry, reached(world, 'asking'));
}
const answer = (
  world: World,
  said: RolloutAnswer,
  reason = 'customers wrote invoices',
  role: 'operator' | 'approver' = 'operator',
) =>
  decideAnswer(
    world.rollout('shared'),
    world.cellPlan('shared'),
    { id: 'usr_x', roles: [role] },
    world.now,
    said,
    reason,
  );
const decline = (world: World): boolean => world.answer('shared', () => answer(world, 'decline'));
const code = (decided: ReturnType<typeof answer>) => (decided.ok ? 'accepted' : decided.refusal.code);

describe('a person who declines to lose data', () => {
  test('lets the cell stand as it stands: nothing is restored, customers are where they were, and it ends so', () => {
    const world = asking();
    const before = { served: served(world), stores: world.cells.get('shared')?.stores };
    expect(decline(world)).toBe(true);
    expect(isDeclined(world.rollout('shared'), world.cellPlan('shared'))).toBe(true);
    expect(endOf(world.run(carry))).toBe('partly-rolled-back');
    expect({ served: served(world), stores: world.cells.get('shared')?.stores }).toEqual(before);
    expect(world.cells.get('shared')?.stores).toEqual({ main: { schemaVersion: 2 } });
    expect(world.promotion).toMatchObject({
      because: expect.stringMatching(
        /failed.*; in cell shared what would lose data was declined, and stays as it stood then$/,
      ),
    });
  });

  test('is on the log with the reason, and nobody undoes it by themselves afterwards', () => {
    const world = asking();
    decline(world);
    world.run(carry);
    const said = world.history.filter(({ event }) => event.type === 'rollout.answered').map(({ event }) => event.data);
    expect(said).toMatchObject([
      { answer: 'decline', because: 'customers wrote invoices', step: expect.stringContaining('undo.') },
    ]);
    const count = world.history.length;
    world.now += 30 * DAY_MS;
    world.run(carry);
    expect(world.history).toHaveLength(count);
    expect(world.lease('shared')).toBe(false);
    expect(code(answer(world, 'agree', '', 'approver'))).toBe('nothing-asked');
    const again = decideRollback(world.promotion, 'usr_x', 'after all', world.now);
    expect(again.ok ? '' : again.refusal.code).toBe('wrong-phase');
  });

  test('says so for one cell: the others go back as was decided', () => {
    const world = asking({
      ...twoCells('all'),
      ...aPlan({ manifest: RESTORES, cells: twoCells('all').cells.map(({ base }) => base) }),
    });
    decline(world);
    const agreeing: Carry = (c, s, action, now) => {
      const other = world.rollouts.get('dedicated');
      if (other?.phase === 'asking')
        world.answer('dedicated', (r, at) =>
          decideAnswer(r, world.cellPlan('dedicated'), { id: 'usr_y', roles: ['approver'] }, at, 'agree'),
        );
      return carry(c, s, action, now);
    };
    world.run(agreeing, () => world.rollouts.get('dedicated')?.phase === 'asking');
    world.answer('dedicated', (r, at) =>
      decideAnswer(r, world.cellPlan('dedicated'), { id: 'usr_y', roles: ['approver'] }, at, 'agree'),
    );
    expect(endOf(world.run(carry))).toBe('partly-rolled-back');
    expect(resultsOf(world).toSorted()).toEqual(['kept', 'undone']);
    expect(world.cells.get('dedicated')?.stores).toEqual({ main: { schemaVersion: 1 } });
  });

  test('needs a reason, and a question of losing data', () => {
    const world = asking();
    expect(code(answer(world, 'decline', ' '))).toBe('no-reason');
    const unknown: Carry = (c, s, action, now) =>
      c === 'shared' && s === 'w1.migrate.main'
        ? { kind: 'waiting', reason: 'ask', untilMs: 0 }
        : sound(c, s, action, now);
    const forward = begun();
    forward.run(unknown, reached(forward, 'asking'));
    expect(code(answer(forward, 'decline'))).toBe('nothing-to-decline');
    const overtaken = decideOvertake(
      forward.promotion,
      { plan: forward.plan, rollouts: forward.rollouts, now: forward.now },
      'usr_x',
      'prm_2',
      'fix',
    );
    expect(overtaken.ok).toBe(false);
  });

  test('of a step that was agreed to, tried and failed: a retry forgets nothing, and the cell is let stand all the same', () => {
    const world = asking();
    const fails: Carry = (c, s, action, now) =>
      action.kind === 'restore'
        ? { kind: 'failed', code: 'rejected', why: 'the disk is full' }
        : carry(c, s, action, now);
    world.answer('shared', () => answer(world, 'agree', '', 'approver'));
    world.run(fails, reached(world, 'asking'));
    expect(world.answer('shared', () => answer(world, 'retry'))).toBe(true);
    // Whoever reads only the question learns that it takes a yes, and why it wasn't enough before.
    const question = expect.stringMatching(/must agree to .*: it loses data; .*: the disk is full$/);
    expect(world.rollout('shared')).toMatchObject({ phase: 'asking', question });
    const entries = world.history.length;
    expect(
      world.answer('shared', () => answer(world, 'retry')),
      'asked once more it is no news',
    ).toBe(true);
    expect(world.history.length).toBe(entries);
    world.now += DAY_MS;
    world.tickDue();
    expect(world.rollout('shared')).toMatchObject({ phase: 'asking', question, undo: { agreed: true } });
    expect(decline(world)).toBe(true);
    expect(endOf(world.run(fails))).toBe('partly-rolled-back');
  });
});

describe('a tenant with a store of their own', () => {
  function upgraded(): World {
    const planned = planPromotion(anUpgrade());
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    const world = begun({ ...planned.plan, rollbackScope: 'all' });
    world.run(sound, () => world.cells.get('shared')?.tenants.bob?.slot === 'green');
    world.command((p, now) => decideRollback(p, 'usr_1', 'back', now));
    return world.run(sound, reached(world, 'asking'));
  }

  test('stays on the release, served, when it is declined to restore it', () => {
    const world = upgraded();
    expect(decline(world)).toBe(true);
    expect(endOf(world.run(sound))).toBe('partly-rolled-back');
    const tenants = Object.values(world.cells.get('shared')!.tenants);
    expect(tenants.some(({ slot }) => slot === 'green')).toBe(true);
    expect(tenants.some(({ held }) => held === true)).toBe(false);
  });

  test('who may be held isn’t left so: it is refused, whatever was answered in between', () => {
    const world = upgraded();
    const fails: Carry = (c, s, action, now) =>
      action.kind === 'hold' ? { kind: 'failed', code: 'rejected', why: 'nobody knows' } : sound(c, s, action, now);
    world.answer('shared', () => answer(world, 'agree', '', 'approver'));
    world.run(fails, reached(world, 'asking'));
    expect(code(answer(world, 'decline'))).toBe('tenant-held');
    world.answer('shared', () => answer(world, 'retry'));
    world.now += DAY_MS;
    world.tickDue();
    expect(code(answer(world, 'decline'))).toBe('tenant-held');
  });
});
