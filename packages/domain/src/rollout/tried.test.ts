/** What was handed out and never heard of again: nobody may call it declined as if it hadn't run. */
import { aManifest, aMigration, anUpgrade, aPlan } from '@headgate/testkit/domain/builders';
import { type Carry, sound, type World } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, reached } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../plan/plan.ts';
import { planPromotion } from '../plan/planner.ts';
import { type Scope, undoSteps } from '../plan/undo.ts';
import { decideRollback } from '../promotion/commands.ts';
import type { CellAccount } from '../recovery/account.ts';
import { judgeCell } from '../recovery/judge-cell.ts';
import { takeUp } from '../recovery/take-up.ts';
import { decideAnswer } from './assignment.ts';
import type { RolloutAnswer } from './events.ts';
import { evolveRollout } from './evolve.ts';
import type { Rollout } from './state.ts';
import { decideUndoneAway } from './undone-away.ts';

const answer = (world: World, said: RolloutAnswer, rollout = world.rollout('shared')) =>
  decideAnswer(
    rollout,
    world.cellPlan('shared'),
    { id: 'usr_x', roles: ['approver', 'operator'] },
    world.now,
    said,
    'no, after all',
  );
const code = (decided: ReturnType<typeof answer>) => (decided.ok ? 'accepted' : decided.refusal.code);
const say = (world: World, said: RolloutAnswer) => world.answer('shared', () => answer(world, said));

/** Agreed to, handed out and carried out; of that the server hears nothing. */
function carriedOut(world: World): World {
  expect(say(world, 'agree')).toBe(true);
  world.tickRollout('shared');
  expect(world.lease('shared')).toBe(true);
  world.effect('shared');
  return world;
}

/** Somebody at the agent's machine goes back meanwhile: it stops at once, before what takes an approver. */
function toldFromAway(world: World, scope: Scope): World {
  const { planDigest: plan, begun, n } = world.rollout('shared');
  const by = { by: 'usr_op', because: 'server away', since: world.now };
  const told = { plan, scope, begun, steps: [], n: n + 1, ...by, stopped: 'an approver is asked first' };
  const cell = world.cellPlan('shared');
  expect(world.answer('shared', (r, now) => decideUndoneAway(r, cell, 'agt_1', told, now, 0))).toBe(true);
  return world.run(sound, reached(world, 'asking'));
}

describe('a tenant who may be held isn’t left so by who declines', () => {
  function upgraded(): World {
    const planned = planPromotion(anUpgrade());
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    const world = begun({ ...planned.plan, rollbackScope: 'all' });
    world.run(sound, () => world.cells.get('shared')?.tenants.bob?.slot === 'green');
    world.command((p, now) => decideRollback(p, 'usr_1', 'back', now));
    return world.run(sound, reached(world, 'asking'));
  }

  test('when the server was away since they were agreed to be held', () => {
    const world = carriedOut(upgraded());
    const { undo } = world.rollout('shared');
    toldFromAway(world, undo!.scope);
    expect(world.rollout('shared')).toMatchObject({
      question: expect.stringMatching(/it was agreed to before, and may have been carried out$/),
    });
    expect(code(answer(world, 'decline'))).toBe('tenant-held');
    say(world, 'agree');
    expect(endOf(world.run(sound))).toBe('rolled-back');
  });

  test('when the control plane was restored from before they were agreed to be held', () => {
    const world = upgraded();
    const before = world.rollout('shared');
    carriedOut(world);
    const { planDigest: plan, begun, step } = before as Extract<Rollout, { phase: 'asking' }>;
    const account: CellAccount = {
      fence: { epoch: 1, n: world.rollout('shared').n },
      plans: [{ plan, begun, undone: true, undoing: step }],
      state: world.cells.get('shared')!,
      restorePoints: [],
    };
    const held = { rollout: before, cell: world.cellPlan('shared') };
    const finding = judgeCell({ fence: { epoch: 1, n: before.n }, desired: undefined, held }, account);
    if ('why' in finding || finding.rollout === undefined) throw new Error(JSON.stringify(finding));
    const event = takeUp(before, finding.rollout, { epoch: 2, now: world.now, until: world.now + 1 });
    expect(code(answer(world, 'decline', evolveRollout(before, event)))).toBe('tenant-held');
    // Of a step that the agent hadn't begun nothing is made.
    const [{ id: done = '' } = {}] = undoSteps(held.cell, before.undo!.scope, begun);
    const earlier = { ...account, plans: [{ plan, begun, undone: true as const, undoing: done }] };
    expect(judgeCell({ fence: { epoch: 1, n: before.n }, desired: undefined, held }, earlier)).not.toHaveProperty(
      'rollout.tried',
    );
  });

  test('when the restored rows know of no undo at all', () => {
    const world = upgraded();
    const { step, begun } = world.rollout('shared') as Extract<Rollout, { phase: 'asking' }>;
    const forward = { ...world.rollout('shared'), undo: null, phase: 'waiting' } as Rollout;
    const plans = [{ plan: forward.planDigest, begun, undone: true as const, undoing: step }];
    const state = carriedOut(world).cells.get('shared')!;
    const held = { rollout: forward, cell: world.cellPlan('shared') };
    const finding = judgeCell(
      { fence: { epoch: 1, n: 1 }, desired: undefined, held },
      { fence: { epoch: 1, n: 99 }, plans, state, restorePoints: [] },
    );
    if (finding.kind !== 'undone') throw new Error(JSON.stringify(finding));
    const back = takeUp(forward, finding.rollout, { epoch: 2, now: 0, until: 1 });
    const undo = { scope: { kind: 'all', wave: 2 }, because: 'b', until: 1, lookAt: 0 } as const;
    const undoing = evolveRollout(evolveRollout(forward, back), { type: 'rollout.undo-begun', data: undo });
    const cursor = undoSteps(held.cell, undo.scope, begun).findIndex(({ id }) => id === step);
    const there = { ...undoing, undo: { ...undoing.undo!, cursor } } as Rollout;
    const asked = { type: 'rollout.asked', data: { step, question: 'agree?', until: 1 } } as const;
    expect(code(answer(world, 'decline', evolveRollout(there, asked)))).toBe('tenant-held');
  });
});

describe('a restore that was agreed to and handed out', () => {
  const restores: Plan = aPlan({ manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) });
  const carry: Carry = breaking('shared', 'w1.verify', 'ada');
  const asking = (): World => {
    const world = begun(restores);
    return world.run(carry, reached(world, 'asking'));
  };
  const end = (world: World): string => {
    world.run(carry);
    return 'because' in world.promotion ? world.promotion.because : '';
  };

  test('may be declined, and nobody says that nothing was lost', () => {
    const world = carriedOut(asking());
    toldFromAway(world, world.rollout('shared').undo!.scope);
    const { step } = world.rollout('shared') as Extract<Rollout, { phase: 'asking' }>;
    expect(say(world, 'decline')).toBe(true);
    const entry = world.history.findLast(({ event }) => event.type === 'rollout.answered');
    expect(entry?.event.data).toMatchObject({ answer: 'decline', step, tried: [step] });
    expect(end(world)).toMatch(
      /what would lose data was declined after it was agreed to, and may have been carried out$/,
    );
  });

  test('is told otherwise than one that was never agreed to', () => {
    const world = asking();
    expect(say(world, 'decline')).toBe(true);
    const entry = world.history.findLast(({ event }) => event.type === 'rollout.answered');
    expect(entry?.event.data).not.toHaveProperty('tried');
    expect(end(world)).toMatch(/what would lose data was declined, and stays as it stood then$/);
  });
});
