import { plans } from '@headgate/testkit/domain/arbitraries';
import { aManifest, aMigration, aPlan, aPolicy, brokenChecks, HOUR_MS, NOON } from '@headgate/testkit/domain/builders';
import { sound, World } from '@headgate/testkit/domain/world';
import { begun, breaking, held, offered, reached, twoCells } from '@headgate/testkit/domain/worlds';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Role, Verb } from '../access/access.ts';
import { decidePause } from '../promotion/commands.ts';
import { decideAnswer } from '../rollout/assignment.ts';
import { actionsOf, answersOf, type PromotionAction } from './actions.ts';
import { type Explanation, explainPromotion } from './explain-promotion.ts';

function explain(world: World): Explanation {
  return explainPromotion(world.promotion, world.rollouts, world.plan, world.gates());
}

/** Every wait says why, until when and who; nothing waits without an end. */
function isWhole(explanation: Explanation): void {
  expect(explanation.summary).not.toBe('');
  for (const wait of explanation.waits) {
    expect(wait.why, JSON.stringify(wait)).not.toBe('');
    expect(wait.after).not.toBe('');
    expect(Number.isFinite(wait.until)).toBe(true);
    expect(wait.unblock.length).toBeGreaterThan(0);
    for (const { what, who } of wait.unblock) {
      expect(what).not.toBe('');
      expect(who.length).toBeGreaterThan(0);
      for (const name of who) expect(name).not.toBe('');
    }
  }
}

describe('it explains', () => {
  test('a missing approval: who can give it, until when, and what comes of it', () => {
    const world = new World(twoCells());
    world.tickDue();
    const { waits, gates, summary } = explain(world);
    expect(waits).toMatchObject([
      {
        where: 'promotion/prm_1',
        until: world.plan.latestFinish,
        overdue: false,
        after: 'it expires, and nothing has changed',
        unblock: [{ who: ['approver'] }],
      },
    ]);
    expect(summary).toContain('wave 1 of 3');
    expect(gates.map((v) => `${v.gate} ${v.verdict}`)).toContain('approval pending');
  });

  test('a freeze in mid-wave: which step it holds, and until when', () => {
    const world = begun();
    world.run(sound, offered(world, 3));
    world.freezes = [{ name: 'payroll', from: world.now, to: NOON + HOUR_MS, reason: 'pay day' }];
    world.lease('shared');
    expect(explain(world).waits).toContainEqual(
      expect.objectContaining({
        cell: 'shared',
        step: 'w1.route',
        why: expect.stringContaining('freeze payroll holds until 2026-01-05T13:00:00.000Z: pay day'),
        unblock: [
          {
            what: 'wait for its end, or take it out of the calendar that declares it',
            who: ['release manager'],
            at: NOON + HOUR_MS,
          },
        ],
      }),
    );
  });

  test('a step that runs, and one that nobody took', () => {
    const world = begun();
    world.run(sound, offered(world, 0));
    expect(explain(world).waits[1]).toMatchObject({ step: 'w1.restore-point.main', unblock: [{ who: ['agent'] }] });
    world.lease('shared');
    expect(explain(world).waits[1]?.why).toBe('agt_1 carries out step w1.restore-point.main');
  });

  test('a question about lost data: only its approver can agree, and whoever may answer can decline', () => {
    const plan = aPlan({ manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) });
    const world = begun(plan);
    world.run(breaking('shared', 'w1.verify', 'ada'), reached(world, 'asking'));
    const { waits, summary } = explain(world);
    expect(waits[1]).toMatchObject({
      after: 'it asks again',
      unblock: [
        {
          what: expect.stringMatching(/^`headgate answer prm_1.shared agree --asked \d+ --step undo.w1.migrate.main`$/),
          who: ['approver'],
        },
        {
          what: '`headgate answer prm_1.shared decline --reason "…" --step undo.w1.migrate.main`: nothing is lost, and the cell stays as it stands',
          who: expect.arrayContaining(['operator']),
        },
      ],
    });
    expect(summary).toContain('rolls back (all)');
  });

  test('what is left after a partial rollback', () => {
    const world = begun(twoCells('ring'));
    world.run(breaking('shared', 'w2.verify', 'bob'), held(world));
    expect(explain(world).waits[0]).toMatchObject({
      after: 'all that was moved is brought back',
      unblock: [{ what: '`headgate keep prm_1`' }, { what: '`headgate rollback prm_1 --reason "…"`' }],
    });
  });

  test('a pause, and an end', () => {
    const world = begun();
    world.run(sound, () => world.promotion.phase === 'advancing');
    world.command((p, now) => decidePause(p, 'usr_1', 'lunch', now));
    expect(explain(world)).toMatchObject({ phase: 'paused', summary: 'It is paused in wave 1 of 3: lunch.' });
    const done = begun().run();
    expect(explain(done)).toEqual({
      promotion: 'prm_1',
      phase: 'ended',
      summary: 'It ended promoted: all 3 waves are done.',
      waits: [],
      gates: [],
      objections: [],
    });
  });

  test('whatever happens, wholly', () => {
    fc.assert(
      fc.property(plans, fc.array(fc.nat(9), { maxLength: 60 }), (plan, picks) => {
        const world = begun(plan);
        let turn = 0;
        world.run(
          (c, s, action, now) => {
            const pick = picks[turn++];
            if (pick === 0) return brokenChecks('ada', now);
            if (pick === 1) return { kind: 'waiting', reason: 'ask', untilMs: 0 };
            if (pick === 2) return { kind: 'failed', code: 'transient', why: 'busy' };
            if (pick === 3) return 'silence';
            return sound(c, s, action, now);
          },
          () => {
            isWhole(explain(world));
            // Somebody answers, an hour of asking later at most.
            for (const [cell, r] of world.rollouts)
              if (r.phase === 'asking' && world.now > NOON)
                world.answer(cell, (s, now) =>
                  decideAnswer(s, world.cellPlan(cell), { id: 'usr_x', roles: ['approver'] }, now, 'agree'),
                );
            return world.history.length > 250;
          },
        );
      }),
      { numRuns: 40 },
    );
  });
});

describe('what somebody may do', () => {
  const ROLE: Readonly<Record<PromotionAction, Role>> = {
    approve: 'approver',
    go: 'approver',
    reject: 'approver',
    pause: 'operator',
    resume: 'operator',
    rollback: 'operator',
    keep: 'release-manager',
    overtake: 'release-manager',
  };
  const may = (world: World, id = 'usr_x', roles: readonly Role[] = Object.values(ROLE)): string[] =>
    Object.entries(actionsOf(world.promotion, { id, roles }, world.now)).flatMap(([action, p]) => {
      expect(p.because).not.toBe('');
      return p.allowed ? [action] : [];
    });

  test('in each phase', () => {
    const awaiting = new World(twoCells());
    expect(may(awaiting)).toEqual(['approve', 'reject', 'rollback']);
    const advancing = begun();
    advancing.run(sound, () => advancing.promotion.phase === 'advancing');
    expect(may(advancing)).toEqual(['approve', 'pause', 'rollback']);
    advancing.command((p, now) => decidePause(p, 'usr_1', 'lunch', now));
    expect(may(advancing)).toEqual(['approve', 'resume', 'rollback', 'overtake']);
    const partly = begun(twoCells('ring'));
    partly.run(breaking('shared', 'w2.verify', 'bob'), held(partly));
    expect(may(partly)).toEqual(['approve', 'rollback', 'keep']);
    expect(may(begun().run())).toEqual([]);
  });

  test('takes a role, and says which', () => {
    const world = new World(twoCells());
    expect(may(world, 'usr_x', ['auditor'])).toEqual([]);
    const { approve } = actionsOf(world.promotion, { id: 'usr_x', roles: ['developer'] }, world.now);
    expect(approve).toMatchObject({ allowed: false, because: expect.stringContaining('approver') });
  });

  test('keeps authors and requesters from approving, and says so', () => {
    const world = new World(twoCells());
    for (const id of ['usr_author', 'usr_manager']) {
      expect(may(world, id)).toEqual(['reject', 'rollback']);
      const { because } = actionsOf(world.promotion, { id, roles: ['approver'] }, world.now).approve;
      expect(because).toContain('another approver');
    }
  });

  test('what is done already is not offered again', () => {
    const world = begun();
    const { approve } = actionsOf(world.promotion, { id: 'usr_approver', roles: ['approver'] }, world.now);
    expect(approve).toEqual({ allowed: false, because: 'you have approved it already' });
  });

  test('agrees with the table of access for each action alone', () => {
    for (const [action, role] of Object.entries(ROLE) as [PromotionAction & Verb, Role][]) {
      const world =
        action === 'resume' || action === 'overtake'
          ? pausedWorld()
          : action === 'keep'
            ? heldWorld()
            : action === 'pause'
              ? advancingWorld()
              : action === 'go'
                ? askedWorld()
                : new World(twoCells());
      expect(may(world, 'usr_x', [role])).toContain(action);
    }
  });

  test('answers only what is asked', () => {
    const plan = aPlan({ manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) });
    const world = begun(plan);
    world.run(breaking('shared', 'w1.verify', 'ada'), reached(world, 'asking'));
    const cell = world.cellPlan('shared');
    const answers = (role: Role) => answersOf(world.rollout('shared'), cell, { id: 'usr_x', roles: [role] }, world.now);
    expect(answers('approver')).toMatchObject({ agree: { allowed: true }, retry: { allowed: true } });
    expect(answers('operator')).toMatchObject({ agree: { allowed: false }, retry: { allowed: true } });
    expect(answers('developer')).toMatchObject({ agree: { allowed: false }, retry: { allowed: false } });
  });
});

function advancingWorld(): World {
  const world = begun();
  return world.run(sound, () => world.promotion.phase === 'advancing');
}

function askedWorld(): World {
  const policy = aPolicy({ gates: [...aPolicy().gates, { gate: 'go-no-go', at: 'no-return', params: {} }] });
  const world = begun(aPlan({ policy, manifest: aManifest({ migrations: [aMigration(1, { undo: 'restore' })] }) }));
  return world.run(sound, () => world.promotion.goAsked !== undefined);
}

function pausedWorld(): World {
  const world = advancingWorld();
  world.command((p, now) => decidePause(p, 'usr_1', 'lunch', now));
  return world;
}

function heldWorld(): World {
  const world = begun(twoCells('ring'));
  return world.run(breaking('shared', 'w2.verify', 'bob'), held(world));
}
