import { plans } from '@headgate/testkit/domain/arbitraries';
import { brokenChecks, DAY_MS, HOUR_MS, MINUTE_MS, NOON, soundOutcome } from '@headgate/testkit/domain/builders';
import { sound, World } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, served, twoCells } from '@headgate/testkit/domain/worlds';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../model/outcome.ts';
import { decideAnswer } from '../rollout/assignment.ts';
import { IDLE_LOOK_MS } from '../rollout/looks.ts';
import { decideKeep, decidePause, decideResume, decideRollback } from './commands.ts';

const BY = 'usr_operator';

describe('under any schedule of commands, faults and time', () => {
  interface Turn {
    readonly what: 'tick' | 'lease' | 'settle' | 'late' | 'pass' | 'person' | 'freeze' | 'window';
    readonly cell: number;
    readonly pick: number;
  }
  const turn: fc.Arbitrary<Turn> = fc.record({
    what: fc.constantFrom(
      'tick',
      'tick',
      'lease',
      'lease',
      'settle',
      'settle',
      'settle',
      'late',
      'pass',
      'person',
      'freeze',
      'window',
    ),
    cell: fc.nat(2),
    pick: fc.nat(11),
  });

  function outcomeOf(world: World, cell: string, pick: number): Outcome {
    const action = world.action(cell);
    const { now } = world;
    const faults: Outcome[] = [
      { kind: 'failed', code: 'transient', why: 'busy' },
      { kind: 'failed', code: 'rejected', why: 'no' },
      { kind: 'failed', code: 'unknown', why: 'who knows' },
      { kind: 'waiting', reason: 'ask', untilMs: 0 },
      { kind: 'waiting', reason: 'a backup runs', untilMs: 1e12 },
      { kind: 'waiting', reason: 'nonsense', untilMs: Number.NaN },
      { kind: 'done', result: {} },
      brokenChecks('ada', now),
    ];
    return faults[pick] ?? (action === undefined ? { kind: 'done', result: {} } : soundOutcome(action, now));
  }

  function play(world: World, { what, cell: at, pick }: Turn): void {
    const names = [...world.rollouts.keys()];
    const cell = names[at % Math.max(names.length, 1)];
    const rollout = cell === undefined ? undefined : world.rollouts.get(cell);
    switch (what) {
      case 'tick':
        if (cell === undefined || pick % 3 === 0) world.tickPromotion();
        else world.tickRollout(cell);
        return;
      case 'lease':
        if (cell !== undefined) world.lease(cell, `agt_${pick % 2}`);
        return;
      case 'settle': {
        if (cell === undefined || rollout?.phase !== 'leased') return;
        // The effect may have happened although the outcome says otherwise, but not the other way round.
        const outcome = outcomeOf(world, cell, pick);
        if (outcome.kind === 'done' || pick % 2 === 0) world.effect(cell);
        world.settle(cell, rollout.n, outcome, rollout.agent);
        return;
      }
      case 'late':
        if (cell !== undefined && rollout !== undefined && rollout.n > 0) {
          const before = world.history.length;
          const settled = world.settle(cell, rollout.n - 1, outcomeOf(world, cell, pick));
          expect(settled, 'an answer for another assignment').toBe(false);
          expect(world.history.length).toBe(before);
        }
        return;
      case 'pass':
        if (pick < 6) world.pass();
        else world.now += [1, 1_000, 30_000, HOUR_MS, 6 * HOUR_MS, DAY_MS][pick - 6] ?? 1;
        return;
      case 'person': {
        const commands = [
          () => world.command((p, now) => decidePause(p, BY, 'wait', now)),
          () => world.command((p) => decideResume(p, BY)),
          () => world.command((p, now) => decideRollback(p, BY, 'back', now)),
          () => world.command((p, now) => decideKeep(p, BY, now)),
          () => world.promotion.phase !== 'ended' && world.approve(`usr_${pick}`, pick * 10 * MINUTE_MS),
          () =>
            cell !== undefined &&
            world.answer(cell, (r, now) =>
              decideAnswer(
                r,
                world.cellPlan(cell),
                { id: BY, roles: ['approver'] },
                now,
                pick % 2 === 0 ? 'agree' : 'retry',
              ),
            ),
        ];
        commands[pick % commands.length]?.();
        return;
      }
      case 'freeze':
        world.freezes =
          pick % 2 === 0 ? [] : [{ name: 'f', from: world.now, to: world.now + pick * HOUR_MS, reason: 'r' }];
        return;
      case 'window':
        world.windowOpen = pick % 2 === 0;
        return;
    }
  }

  test.each([true, false])('nothing breaks its rules, and everything ends (wake-ups arrive: %s)', (wakes) => {
    fc.assert(
      fc.property(plans, fc.array(turn, { maxLength: 120 }), fc.boolean(), (plan, turns, approved) => {
        const world = new World(plan);
        world.wakes = wakes;
        if (approved) world.approve('usr_approver', 9 * HOUR_MS);
        for (const t of turns) play(world, t);
        // Faults are bounded: from here on agents answer, approvers agree, and windows open now and then.
        world.freezes = [];
        world.windowOpen = true;
        for (let i = 0; i < 50 && !world.ended(); i++) {
          world.run(sound, () => [...world.rollouts.values()].some((r) => r.phase === 'asking'));
          for (const [cell, r] of world.rollouts)
            if (r.phase === 'asking')
              world.answer(cell, (s, now) =>
                decideAnswer(s, world.cellPlan(cell), { id: BY, roles: ['approver'] }, now, 'agree'),
              );
        }
        expect(world.ended(), world.describe()).toBe(true);
        const { promotion } = world;
        if (promotion.phase === 'ended' && promotion.result === 'rolled-back')
          expect(served(world)).not.toContain('new');
        const { tenants } = plan;
        const on = served(world).split(' ');
        const meant = tenants === undefined ? on : on.filter((each) => tenants.includes(each.split(':')[0] as string));
        if (promotion.phase === 'ended' && promotion.result === 'promoted')
          expect(meant.filter((each) => each.endsWith(':old'))).toEqual([]);
        // Whatever happens, nobody moves for whom it isn't.
        expect(on.filter((each) => !meant.includes(each) && each.endsWith(':new'))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('a lost wake-up delays by a minute, and no more', () => {
    const world = begun();
    world.wakes = false;
    world.run();
    expect(endOf(world)).toBe('promoted');
    expect(world.now - NOON).toBeLessThan(20 * IDLE_LOOK_MS);
  });

  test('what the log folds to is what the rows say', () => {
    const world = begun(twoCells('ring')).run(breaking('shared', 'w2.verify', 'bob'));
    for (const { state } of world.history) expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});
