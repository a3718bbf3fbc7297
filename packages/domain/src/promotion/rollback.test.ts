import {
  aManifest,
  aMigration,
  aPlan,
  brokenChecks,
  DAY_MS,
  NOON,
  soundOutcome,
} from '@headgate/testkit/domain/builders';
import { type Carry, sound } from '@headgate/testkit/domain/world';
import {
  begun,
  breaking,
  endOf,
  held,
  offered,
  reached,
  resultsOf,
  served,
  twoCells,
} from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import type { RollbackScope } from '../plan/plan.ts';
import { decideAnswer } from '../rollout/assignment.ts';
import { ASK_MS } from '../rollout/looks.ts';
import { decideKeep, decideRollback } from './commands.ts';

const BY = 'usr_operator';

describe('a rollback in the scope that the plan declares', () => {
  test.each<[RollbackScope, string]>([
    ['all', 'ada:old bob:old cyd:old zoe:old yan:old'],
    ['cell', 'ada:old bob:old cyd:old zoe:new yan:old'],
    ['ring', 'ada:new bob:old cyd:old zoe:old yan:old'],
    ['tenant', 'ada:new bob:old cyd:old zoe:new yan:old'],
  ])('%s: moves nobody else', (scope, expected) => {
    const world = begun(twoCells(scope));
    // The dedicated cell is ahead in the same wave; in the shared one the pilot fails.
    const carry: Carry = (c, s, action, now) => {
      if (c !== 'shared' || s !== 'w2.verify') return sound(c, s, action, now);
      return world.rollout('dedicated').cursor < 5 ? 'silence' : brokenChecks('bob', now);
    };
    world.run(carry, held(world));
    expect(served(world)).toBe(expected);
  });

  test('widened to all by a person, it brings the rest back too', () => {
    const world = begun(twoCells('ring'));
    world.run(breaking('shared', 'w2.verify', 'bob'), held(world));
    expect(served(world)).toContain('ada:new');
    expect(world.command((p, now) => decideRollback(p, BY, 'all of it', now))).toBe(true);
    world.run();
    expect(endOf(world)).toBe('rolled-back');
    expect(served(world)).not.toContain('new');
    expect(resultsOf(world)).toEqual(['undone', 'undone']);
  });

  test('kept, the rest stays on the release, and every cell is let go', () => {
    const world = begun(twoCells('tenant'));
    world.run(breaking('shared', 'w2.verify', 'bob'), held(world));
    expect(world.command((p, now) => decideKeep(p, BY, now))).toBe(true);
    world.run();
    expect(endOf(world)).toBe('partly-rolled-back');
    expect(served(world)).toContain('ada:new bob:old');
    expect(resultsOf(world)).toContain('kept');
  });

  test('unanswered, the question is answered with all after a day', () => {
    const world = begun(twoCells('ring')).run(breaking('shared', 'w2.verify', 'bob'));
    expect(endOf(world)).toBe('rolled-back');
    expect(world.now).toBeGreaterThanOrEqual(NOON + DAY_MS);
    expect(served(world)).not.toContain('new');
  });

  test('a second failure in the same ring is answered by it, and does not widen', () => {
    const world = begun(twoCells('ring'));
    world.run(
      (c, s, action, now) =>
        s === 'w2.verify' ? brokenChecks(c === 'shared' ? 'bob' : 'zoe', now) : sound(c, s, action, now),
      held(world),
    );
    expect(world.promotion.undo?.scope).toEqual({ kind: 'ring', wave: 2 });
    expect(served(world)).toBe('ada:new bob:old cyd:old zoe:old yan:old');
  });

  test("a failure beside a tenant's rollback widens it to all", () => {
    const world = begun(twoCells('tenant'));
    world.run(
      (c, s, action, now) => {
        if (s !== 'w2.verify') return sound(c, s, action, now);
        // Both fail before the promotion looks.
        return brokenChecks(c === 'shared' ? 'bob' : 'zoe', now);
      },
      () => world.rollouts.size === 2 && [...world.rollouts.values()].every((r) => r.phase === 'failed'),
    );
    world.run();
    expect(world.history.filter((h) => h.event.type === 'promotion.rollback-decided')).toHaveLength(2);
    expect(world.promotion.undo?.scope).toEqual({ kind: 'all', wave: 2 });
    expect(served(world)).not.toContain('new');
  });

  test('takes the lease from a step that runs, and refuses its late answer', () => {
    const world = begun();
    world.run(sound, offered(world, 0));
    world.lease('shared');
    const { n } = world.rollout('shared');
    world.command((p, now) => decideRollback(p, BY, 'changed my mind', now));
    expect(world.rollout('shared').phase).toBe('waiting');
    expect(world.settle('shared', n, soundOutcome({ kind: 'restore-point', store: 'main' }, world.now))).toBe(false);
    expect(endOf(world.run())).toBe('rolled-back');
  });

  test('is never held up by a freeze or a closed window', () => {
    const world = begun();
    world.run(sound, () => world.promotion.wave === 2);
    world.freezes = [{ name: 'stop', from: 0, to: NOON + 99 * DAY_MS, reason: 'all stop' }];
    world.windowOpen = false;
    world.command((p, now) => decideRollback(p, BY, 'back', now));
    expect(endOf(world.run())).toBe('rolled-back');
    expect(world.now).toBe(NOON);
  });
});

describe('an undo that fails', () => {
  test('asks, tries again by itself when nobody answers, and never gives up', () => {
    const world = begun();
    let tries = 0;
    const broken: Carry = (c, s, action, now) => {
      if (s === 'w2.verify' && c === 'shared') return brokenChecks('bob', now);
      if (s === 'undo.route' && c === 'shared' && tries++ < 4)
        return { kind: 'failed', code: 'rejected', why: 'the router is gone' };
      return sound(c, s, action, now);
    };
    world.run(broken, reached(world, 'asking'));
    expect(world.rollout('shared')).toMatchObject({ question: 'the router is gone', until: world.now + ASK_MS });
    world.run(broken);
    expect(tries).toBe(5);
    expect(endOf(world)).toBe('rolled-back');
  });

  test('goes on at once when a person answers', () => {
    const world = begun();
    let failed = false;
    const broken: Carry = (c, s, action, now) => {
      if (s === 'w2.verify' && c === 'shared') return brokenChecks('bob', now);
      if (s !== 'undo.route' || failed) return sound(c, s, action, now);
      failed = true;
      return { kind: 'waiting', reason: 'ask', untilMs: 0 };
    };
    world.run(broken, () => [...world.rollouts.values()].some((r) => r.phase === 'asking'));
    const asking = [...world.rollouts.values()].find((r) => r.phase === 'asking')?.cell ?? '';
    const operator = { id: BY, roles: ['operator'] } as const;
    expect(world.answer(asking, (r, now) => decideAnswer(r, world.cellPlan(asking), operator, now, 'retry'))).toBe(
      true,
    );
    const at = world.now;
    expect(endOf(world.run(broken))).toBe('rolled-back');
    expect(world.now).toBe(at);
  });

  test('that loses data waits for its approver alone, each time it is tried', () => {
    const plan = aPlan({ manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) });
    const world = begun(plan);
    const carry = breaking('shared', 'w1.verify', 'ada');
    world.run(carry, reached(world, 'asking'));
    expect(served(world)).not.toContain('new');
    const cell = world.cellPlan('shared');
    const by = (role: 'operator' | 'approver', answer: 'agree' | 'retry') =>
      world.answer('shared', (r, now) => decideAnswer(r, cell, { id: 'usr_x', roles: [role] }, now, answer));
    expect(by('operator', 'agree')).toBe(false);
    expect(by('operator', 'retry')).toBe(true);
    world.tickDue();
    expect(world.rollout('shared').phase).toBe('asking');
    world.now += ASK_MS;
    world.tickDue();
    expect(world.rollout('shared')).toMatchObject({ phase: 'asking', until: world.now + ASK_MS });
    expect(by('approver', 'agree')).toBe(true);
    expect(endOf(world.run(carry))).toBe('rolled-back');
    expect(world.cells.get('shared')?.stores).toEqual({ main: { schemaVersion: 1 } });
  });
});

describe('a forward step that ended nobody knows how', () => {
  const unknown: Carry = (c, s, action, now) =>
    c === 'shared' && s === 'w1.migrate.main'
      ? { kind: 'waiting', reason: 'ask', untilMs: 0 }
      : sound(c, s, action, now);

  test('asks a person until its deadline, then counts as failed, and is rolled back', () => {
    const world = begun();
    world.run(unknown, reached(world, 'asking'));
    expect(world.rollout('shared')).toMatchObject({ until: NOON + ASK_MS });
    world.run(unknown);
    expect(endOf(world)).toBe('rolled-back');
    expect(world.now).toBe(NOON + ASK_MS);
  });

  test('is tried again when the answer is to retry', () => {
    const world = begun();
    world.run(unknown, reached(world, 'asking'));
    const operator = { id: BY, roles: ['operator'] } as const;
    world.answer('shared', (r, now) => decideAnswer(r, world.cellPlan('shared'), operator, now, 'retry'));
    expect(endOf(world.run())).toBe('promoted');
  });
});
