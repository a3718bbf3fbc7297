import { aPlan, aPolicy, DAY_MS, digestOf, MINUTE_MS, NOON, soundOutcome } from '@headgate/testkit/domain/builders';
import { LEASE_MS, sound, World } from '@headgate/testkit/domain/world';
import { begun, breaking, offered, reached } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import type { FailureCode, Outcome } from '../model/outcome.ts';
import type { CellPlan } from '../plan/plan.ts';
import type { Scope } from '../plan/undo.ts';
import { decideKeep, decidePause } from '../promotion/commands.ts';
import { approverAsked, decideAnswer, decideLease, decideSettle, mayRenew } from './assignment.ts';
import { cellAfter } from './cell-after.ts';
import { nextOfRollout, stepAtHand } from './decide.ts';
import { evolveRollout } from './evolve.ts';
import { ASK_MS, dueOfRollout, IDLE_LOOK_MS, OFFER_MS } from './looks.ts';

const failed = (code: FailureCode): Outcome => ({ kind: 'failed', code, why: 'because' });

/** The shared cell's step number `cursor` is on offer. */
function at(cursor: number, world = begun()): World {
  return world.run(sound, offered(world, cursor));
}

function leasedAt(cursor: number, world = begun()): World {
  at(cursor, world);
  expect(world.lease('shared')).toBe(true);
  return world;
}

const settle = (world: World, outcome: Outcome, n = world.rollout('shared').n, agent = 'agt_1') =>
  decideSettle(world.rollout('shared'), world.rolloutFacts('shared'), agent, n, outcome);

describe('an offer', () => {
  test('stands for five minutes, then is made anew under a higher fence', () => {
    const world = at(0);
    const { n } = world.rollout('shared');
    world.now += OFFER_MS;
    world.tickRollout('shared');
    expect(world.rollout('shared')).toMatchObject({ phase: 'offered', n: n + 1, until: world.now + OFFER_MS });
  });

  test('goes on above every number that an agent took in the cell by itself', () => {
    const world = at(0);
    const facts = { ...world.rolloutFacts('shared'), now: world.now + OFFER_MS };
    const { n } = world.rollout('shared');
    const next = (assigned: number) => nextOfRollout(world.rollout('shared'), { ...facts, assigned }).events[0];
    expect(next(n + 500)).toMatchObject({ type: 'rollout.offered', data: { n: n + 501 } });
    expect(next(n - 1)).toMatchObject({ type: 'rollout.offered', data: { n: n + 1 } });
  });

  test('never stands beyond the latest finish', () => {
    const world = at(0);
    world.now = world.plan.latestFinish - 1;
    world.tickRollout('shared');
    expect(world.rollout('shared')).toMatchObject({ phase: 'offered', until: world.plan.latestFinish });
  });

  test('is withdrawn when the promotion pauses', () => {
    const world = at(0);
    world.command((p, now) => decidePause(p, 'usr_1', 'wait', now));
    world.tickDue();
    expect(world.rollout('shared')).toMatchObject({ phase: 'waiting', reason: 'the promotion is on hold' });
  });

  test('is only leased if the gates still let it, at that very moment', () => {
    const world = at(0);
    world.windowOpen = false;
    const decided = decideLease(world.rollout('shared'), world.rolloutFacts('shared'), 'agt_1', LEASE_MS);
    expect(decided).toMatchObject({
      ok: true,
      events: [{ type: 'rollout.waiting', data: { reason: 'gate window: pending' } }],
    });
  });

  test('is refused to whoever asks while there is none', () => {
    const world = leasedAt(0);
    expect(world.lease('shared', 'agt_2')).toBe(false);
    expect(decideLease(world.rollout('shared'), world.rolloutFacts('shared'), 'agt_2', LEASE_MS)).toMatchObject({
      ok: false,
      refusal: { code: 'nothing-offered' },
    });
  });
});

describe('a lease', () => {
  test('is renewed by its holder alone, for the same assignment, before its deadline', () => {
    const world = leasedAt(0);
    const rollout = world.rollout('shared');
    const until = rollout.phase === 'leased' ? rollout.until : 0;
    expect(mayRenew(rollout, 'agt_1', rollout.n, world.now)).toBe(true);
    expect(mayRenew(rollout, 'agt_2', rollout.n, world.now)).toBe(false);
    expect(mayRenew(rollout, 'agt_1', rollout.n - 1, world.now)).toBe(false);
    expect(mayRenew(rollout, 'agt_1', rollout.n, until)).toBe(false);
    expect(dueOfRollout(rollout, world.now)).toBe(world.now + LEASE_MS);
    expect(dueOfRollout(rollout, until - 1)).toBe(until);
  });

  test('that runs out is lost, and its late answer is refused', () => {
    const world = leasedAt(0);
    const { n } = world.rollout('shared');
    world.now += LEASE_MS;
    world.tickRollout('shared');
    expect(world.rollout('shared')).toMatchObject({
      phase: 'waiting',
      reason: 'the lease was lost (expired)',
      attempt: 1,
    });
    expect(settle(world, soundOutcome({ kind: 'restore-point', store: 'main' }, world.now), n)).toMatchObject({
      ok: false,
      refusal: { code: 'fenced' },
    });
  });

  test('that runs out as often as the step has attempts fails the step', () => {
    const world = at(0);
    world.run(
      () => 'silence',
      () => world.rollout('shared').phase === 'failed',
    );
    expect(world.rollout('shared')).toMatchObject({ code: 'expired', why: 'its lease ran out 3 times', n: 3 });
  });
});

describe('an answer', () => {
  test.each([
    ['by another agent', 'not-yours', (w: World) => settle(w, failed('transient'), undefined, 'agt_2')],
    ['for an earlier assignment', 'fenced', (w: World) => settle(w, failed('transient'), w.rollout('shared').n - 1)],
    ['for a later assignment', 'fenced', (w: World) => settle(w, failed('transient'), w.rollout('shared').n + 1)],
  ])('%s is refused', (_who, code, answer) => {
    expect(answer(leasedAt(0))).toMatchObject({ ok: false, refusal: { code } });
  });

  test('is taken once', () => {
    const world = leasedAt(0);
    const { n } = world.rollout('shared');
    const outcome = soundOutcome({ kind: 'restore-point', store: 'main' }, world.now);
    expect(world.settle('shared', n, outcome)).toBe(true);
    expect(world.settle('shared', n, outcome)).toBe(false);
  });

  test.each<[FailureCode, string]>([
    ['transient', 'waiting'],
    ['expired', 'waiting'],
    ['fenced', 'waiting'],
    ['rejected', 'failed'],
    ['check-failed', 'failed'],
    ['unknown', 'asking'],
  ])('%s leaves a forward step %s', (code, phase) => {
    const world = leasedAt(0);
    world.settle('shared', world.rollout('shared').n, failed(code));
    expect(world.rollout('shared')).toMatchObject({ phase });
  });

  test('transient is tried again, each time later, until the attempts are used up', () => {
    const world = begun(aPlan({ policy: aPolicy({ attempts: 4 }) }));
    const tried: number[] = [];
    world.run(
      (_c, _s, _a, now) => {
        tried.push(now);
        return failed('transient');
      },
      reached(world, 'failed'),
    );
    expect(tried.map((t, i) => t - (tried[i - 1] ?? t))).toEqual([0, 500, 1_000, 2_000]);
  });

  test('that it waits is bounded, whatever it asks for', () => {
    for (const [untilMs, lookAt] of [
      [1_000, NOON + 1_000],
      [1e15, NOON + ASK_MS],
      [-5, NOON],
      [Number.NaN, NOON],
      [Number.POSITIVE_INFINITY, NOON],
    ] as const) {
      const world = leasedAt(0);
      world.settle('shared', world.rollout('shared').n, { kind: 'waiting', reason: 'a backup runs', untilMs });
      expect(world.rollout('shared')).toMatchObject({
        phase: 'waiting',
        reason: 'a backup runs',
        lookAt,
        notBefore: lookAt,
      });
    }
  });

  test('does not date a restore point into the future', () => {
    const world = leasedAt(0);
    const ahead = soundOutcome({ kind: 'restore-point', store: 'main' }, world.now + DAY_MS);
    world.settle('shared', world.rollout('shared').n, ahead);
    expect(world.rollout('shared').restorePoints).toMatchObject([{ takenAt: world.now }]);
  });

  test('with a failed check names the tenant, so that a rollback can be its own', () => {
    const world = begun();
    world.run(breaking('shared', 'w1.verify', 'ada'), reached(world, 'failed'));
    expect(world.rollout('shared')).toMatchObject({ tenants: ['ada'], step: 'w1.verify' });
  });
});

describe('a wait', () => {
  test('is news once, and looked at by itself at least each minute', () => {
    const world = begun();
    world.run(sound, () => {
      const dedicated = world.rollouts.get('dedicated');
      return dedicated?.phase === 'waiting' && dedicated.reason === 'wave 2 is not open';
    });
    const entries = world.history.length;
    for (let i = 0; i < 5; i++) {
      world.now += MINUTE_MS / 2;
      const decision = world.tickRollout('dedicated');
      expect(decision).toMatchObject({ events: [] });
      expect(decision.lookAt).toBeGreaterThan(world.now);
      expect(decision.lookAt).toBeLessThanOrEqual(world.now + IDLE_LOOK_MS);
    }
    expect(world.history).toHaveLength(entries);
  });

  test('does not spin on a gate that says to ask again at once', () => {
    const world = at(0);
    world.windowOpen = false;
    world.tickRollout('shared');
    world.lease('shared');
    const facts = world.rolloutFacts('shared');
    const windows = [{ calendar: 'nights', open: false, changesAt: world.now }];
    const decision = nextOfRollout(world.rollout('shared'), { ...facts, gates: { ...facts.gates, windows } });
    expect(decision.lookAt).toBeGreaterThan(world.now);
  });
});

describe('a question', () => {
  const operator = { id: 'usr_1', roles: ['operator'] } as const;

  test('that nobody asked is refused an answer', () => {
    const world = at(0);
    const cell = world.cellPlan('shared');
    expect(approverAsked(world.rollout('shared'), cell)).toBeUndefined();
    expect(decideAnswer(world.rollout('shared'), cell, operator, NOON, 'retry')).toMatchObject({
      ok: false,
      refusal: { code: 'nothing-asked' },
    });
  });

  test('gives a person an hour, also when the latest finish is nearer', () => {
    const world = begun(aPlan({ policy: aPolicy({ latestFinishMs: MINUTE_MS }) }));
    leasedAt(0, world);
    world.settle('shared', world.rollout('shared').n, { kind: 'waiting', reason: 'ask', untilMs: 0 });
    expect(world.rollout('shared')).toMatchObject({ phase: 'asking', until: NOON + ASK_MS });
  });
});

describe('a failure, and a rollback that was decided', () => {
  const failing = () => {
    const world = begun();
    return world.run(breaking('shared', 'w2.verify', 'bob'), reached(world, 'failed'));
  };
  const under = (world: World, scope: Scope) =>
    nextOfRollout(world.rollout('shared'), {
      ...world.rolloutFacts('shared'),
      course: { kind: 'undo', openWave: 2, until: NOON + DAY_MS, scope, because: 'b' },
    });

  test.each<Scope>([
    { kind: 'ring', wave: 1 },
    { kind: 'cell', wave: 2, cell: 'dedicated' },
    { kind: 'tenant', wave: 2, cell: 'shared', tenants: ['ada'] },
  ])('stays to be seen beside %o, so that the promotion widens it', (scope) => {
    expect(under(failing(), scope).events).toEqual([]);
  });

  test.each<Scope>([
    { kind: 'all', wave: 2 },
    { kind: 'ring', wave: 2 },
    { kind: 'cell', wave: 2, cell: 'shared' },
    { kind: 'tenant', wave: 2, cell: 'shared', tenants: ['bob'] },
  ])('is undone by %o', (scope) => {
    expect(under(failing(), scope).events).toMatchObject([{ type: 'rollout.undo-begun', data: { scope } }]);
  });

  test('an undo of the whole cell is not begun again when its scope is widened', () => {
    const world = begun(aPlan({ policy: aPolicy({ rollbackScope: 'ring' }) }));
    world.run(breaking('shared', 'w1.verify', 'ada'), () => world.rollouts.get('shared')?.undo?.cursor === 1);
    const wider = under(world, { kind: 'all', wave: 1 });
    expect(wider.events.map((e) => e.type)).not.toContain('rollout.undo-begun');
  });
});

describe('what is left of a cell', () => {
  const [cell] = aPlan().cells as [CellPlan];

  test('all done: the release everywhere', () => {
    const world = begun().run();
    expect(cellAfter(world.plan, cell, world.rollout('shared'))).toEqual({
      state: world.cells.get('shared'),
      uncertain: false,
    });
  });

  test('rolled back whole: the base, but for the expanded schema and the emptied slot', () => {
    const world = begun().run(breaking('shared', 'w2.verify', 'bob'));
    expect(cellAfter(world.plan, cell, world.rollout('shared'))).toEqual({
      state: { ...cell.base, stores: { main: { schemaVersion: 2 } } },
      uncertain: false,
    });
  });

  test.each([
    ['a restore point', 0, false],
    ['a migration that is kept', 1, true],
    ['code', 2, true],
    ['a route', 3, true],
    ['a check', 4, false],
  ])('kept while %s was begun and never confirmed: uncertain %s', (_what, cursor, uncertain) => {
    const world = leasedAt(cursor);
    world.now = world.plan.latestFinish;
    world.tickPromotion();
    world.command((p, now) => decideKeep(p, 'usr_1', now));
    world.run();
    expect(world.rollout('shared')).toMatchObject({ phase: 'settled', result: 'kept', cursor, begun: cursor + 1 });
    expect(cellAfter(world.plan, cell, world.rollout('shared')).uncertain).toBe(uncertain);
  });

  test('rolled back after a route that nobody confirmed: certain, since its undo was', () => {
    const world = begun();
    world.run((c, s, a, now) => (s === 'w1.route' ? failed('rejected') : sound(c, s, a, now)));
    expect(world.rollout('shared')).toMatchObject({ phase: 'settled', result: 'undone', cursor: 3, begun: 4 });
    expect(cellAfter(world.plan, cell, world.rollout('shared')).uncertain).toBe(false);
  });
});

test('nothing comes before its beginning', () => {
  expect(() => evolveRollout(undefined, { type: 'rollout.settled', data: { result: 'kept' } })).toThrow('opened');
  expect(() => new World(aPlan()).rollout('shared')).toThrow('no rollout');
});

test('the step at hand is the plan’s, forward and back', () => {
  const world = at(1);
  const { cells } = world.plan;
  expect(stepAtHand(world.rollout('shared'), cells[0] as CellPlan)?.id).toBe('w1.migrate.main');
  const undo = { scope: { kind: 'all', wave: 1 }, because: 'b', cursor: 0, agreed: false } as const;
  expect(stepAtHand({ ...world.rollout('shared'), undo, begun: 4 }, cells[0] as CellPlan)?.id).toBe('undo.route');
  expect(digestOf('plan')).toBe(world.rollout('shared').planDigest);
});
