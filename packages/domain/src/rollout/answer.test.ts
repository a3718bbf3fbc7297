/** An answer is to the question that somebody looked at. */
import { anUpgrade, aPlan } from '@headgate/testkit/domain/builders';
import { type Carry, sound, World } from '@headgate/testkit/domain/world';
import { reached } from '@headgate/testkit/domain/worlds';
import { expect, test } from 'vitest';
import { decideRollback } from '../promotion/commands.ts';
import { decideAnswer } from './assignment.ts';
import type { RolloutAnswer } from './events.ts';
import type { Rollout } from './state.ts';

/** Two tenants with stores of their own were opened, all goes back, and the last one is asked about. */
function asking(): World {
  const world = new World({ ...aPlan(anUpgrade()), rollbackScope: 'all' });
  world.approve();
  const second = world.cellPlan('shared').steps.findIndex(({ id }) => id === 'w2.open.bob');
  world.run(sound, () => world.rollouts.has('shared') && world.rollout('shared').cursor > second);
  world.command((p, now) => decideRollback(p, 'usr_1', 'back', now));
  return world.run(sound, reached(world, 'asking'));
}
const asked = (world: World): string => (world.rollout('shared') as Extract<Rollout, { phase: 'asking' }>).step;
const answer = (world: World, said: RolloutAnswer, step?: string, number?: number) => {
  const by = { id: 'usr_x', roles: ['approver' as const, 'operator' as const] };
  const about = { ...(step !== undefined && { step }), ...(number !== undefined && { asked: number }) };
  return decideAnswer(world.rollout('shared'), world.cellPlan('shared'), by, world.now, said, 'no', about);
};

test.each<RolloutAnswer>(['agree', 'retry', 'decline'])(
  '%s to one tenant’s step is none to the next one’s, however often it is sent',
  (said) => {
    const world = asking();
    const first = asked(world);
    expect(first).toBe('undo.w2.open.bob');
    expect(world.answer('shared', () => answer(world, 'agree', first))).toBe(true);
    world.run(sound, reached(world, 'asking'));
    const second = asked(world);
    expect(second).toBe('undo.w1.open.ada');
    const again = answer(world, said, first);
    expect(again).toMatchObject({
      refusal: {
        code: 'other-step',
        why: `it asks about ${second} by now, and the answer is to ${first}`,
        unblock: expect.stringContaining('`headgate explain prm_1`'),
      },
    });
    expect(answer(world, said, second).ok).toBe(true);
  },
);

test.each<RolloutAnswer>(['agree', 'retry', 'decline'])(
  '%s to a step is none to the same step’s next question, once it was carried out and failed',
  (said) => {
    const world = asking();
    const [step, number] = [asked(world), world.rollout('shared').n];
    expect(world.answer('shared', () => answer(world, 'agree', step, number))).toBe(true);
    const failing: Carry = (cell, at, action, now) =>
      at === step ? { kind: 'failed', code: 'rejected', why: 'half of it is restored' } : sound(cell, at, action, now);
    world.run(failing, reached(world, 'asking'));
    expect(asked(world)).toBe(step);
    expect(answer(world, said, step, number)).toMatchObject({
      refusal: {
        code: 'asked-anew',
        why: expect.stringMatching(/was handed out since, and it asks anew: half of it is restored/),
      },
    });
    expect(answer(world, said, step, world.rollout('shared').n)).not.toMatchObject({ refusal: { code: 'asked-anew' } });
  },
);

test('without a step it is to whatever is asked, as older clients send it', () => {
  const world = asking();
  expect(answer(world, 'agree').ok).toBe(true);
});

test('a step that nobody asked about is refused in words that end', () => {
  const told = answer(asking(), 'agree', 'x'.repeat(10_000));
  expect(told.ok ? '' : told.refusal.why).toMatch(
    /^it asks about undo\.w2\.open\.bob by now, and the answer is to x{200}$/,
  );
});

test('where nothing is asked any more, whoever answers is sent to how it ended, and not round in a circle', () => {
  const world = new World(aPlan(anUpgrade()));
  world.approve();
  world.run();
  expect(answer(world, 'decline')).toMatchObject({
    refusal: { code: 'nothing-asked', unblock: expect.stringMatching(/`headgate explain \S+` says how it ended/) },
  });
});
