import { aCell, aPlan, brokenChecks, DAY_MS, digestOf, HOUR_MS, NOON } from '@headgate/testkit/domain/builders';
import { sound, World } from '@headgate/testkit/domain/world';
import { begun, breaking, endOf, offered, resultsOf, served, twoCells } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../model/outcome.ts';
import { ranBefore } from '../plan/ran-before.ts';
import {
  decideApprove,
  decideKeep,
  decidePause,
  decideReject,
  decideResume,
  decideRollback,
  stopOver,
} from './commands.ts';
import type { Promotion } from './state.ts';

const BY = 'usr_operator';

/** The step on offer is leased just before the latest finish, and still runs as it passes. */
function runIntoLatestFinish(world: World): void {
  world.now = world.plan.latestFinish - 1_000;
  world.tickRollout('shared');
  expect(world.lease('shared')).toBe(true);
  world.now = world.plan.latestFinish;
  world.tickPromotion();
  expect(world.rollout('shared').phase).toBe('leased');
}

describe('pause, resume and the latest finish', () => {
  const until = (world: World, wave: number) => () =>
    world.promotion.wave === wave && world.promotion.phase === 'advancing';

  test('paused, a running step ends and none begins; resumed, it goes on', () => {
    const world = begun();
    world.run(sound, until(world, 2));
    world.command((p, now) => decidePause(p, BY, 'lunch', now));
    const before = world.history.length;
    const waits = () => world.now >= NOON + HOUR_MS;
    world.run(sound, waits);
    expect(world.history.slice(before).filter((h) => h.event.type === 'rollout.leased')).toEqual([]);
    world.command((p) => decideResume(p, BY));
    expect(endOf(world.run())).toBe('promoted');
  });

  test('paused between two waves, the next one does not open until it is resumed', () => {
    const world = begun();
    world.run(sound, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
    expect(world.command((p, now) => decidePause(p, BY, 'not tonight', now))).toBe(true);
    world.run(sound, () => world.now > NOON + HOUR_MS);
    expect(world.promotion).toMatchObject({ phase: 'paused', wave: 1 });
    world.command((p) => decideResume(p, BY));
    expect(endOf(world.run())).toBe('promoted');
  });

  test('stopped over what its plan found, it waits for a person, also where one paused it for another reason', () => {
    const world = begun();
    const gone = () => stopOver(world.promotion, 'it is gone', world.now);
    const stop = () => world.command(() => ({ ok: true, events: [gone()!] }));
    world.run(sound, until(world, 2));
    world.command((p, now) => decidePause(p, BY, 'lunch', now));
    stop();
    expect(world.promotion).toMatchObject({ phase: 'paused', reason: 'it is gone', by: 'sys' });
    expect(gone()).toBeUndefined();
    world.command((p) => decideResume(p, BY));
    stop();
    const before = world.history.length;
    world.run(sound, () => world.now >= NOON + HOUR_MS);
    expect(world.history.slice(before).filter((h) => h.event.type === 'rollout.leased')).toEqual([]);
    expect(endOf(world.run())).toBe('rolled-back');
    expect(gone()).toBeUndefined();
  });

  test('between two waves it stops, too; before the first there is nothing to stop', () => {
    const world = begun();
    expect(stopOver({ ...world.promotion, wave: 0, phase: 'awaiting' } as never, 'gone', NOON)).toBeUndefined();
    world.run(sound, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
    expect(stopOver(world.promotion, 'gone', NOON)).toMatchObject({ type: 'promotion.paused' });
  });

  test('paused, a failure is decided at once', () => {
    const world = begun();
    world.run(sound, offered(world, 4));
    world.lease('shared');
    world.command((p, now) => decidePause(p, BY, 'lunch', now));
    world.settle('shared', world.rollout('shared').n, brokenChecks('ada', world.now));
    expect(endOf(world.run())).toBe('rolled-back');
    expect(world.now).toBe(NOON);
  });

  test('paused for a day, it is rolled back', () => {
    const world = begun();
    world.run(sound, until(world, 2));
    world.command((p, now) => decidePause(p, BY, 'lunch', now));
    expect(endOf(world.run())).toBe('rolled-back');
    expect(world.now).toBe(NOON + DAY_MS);
  });

  test('the latest finish in the middle holds; a failure meanwhile is decided at once', () => {
    const world = begun();
    world.run(sound, offered(world, 4));
    runIntoLatestFinish(world);
    expect(endOf(world)).toBe('held');
    world.settle('shared', world.rollout('shared').n, brokenChecks('ada', world.now));
    expect(endOf(world.run())).toBe('rolled-back');
  });

  test('the latest finish in the middle, kept: what is there stays, also where a step failed or is unknown', () => {
    const unknown: Outcome = { kind: 'waiting', reason: 'ask', untilMs: 0 };
    const sure: Outcome = { kind: 'done', result: { checks: { passed: 1, failed: 0 } } };
    for (const outcome of [unknown, sure, brokenChecks('ada', NOON)]) {
      const world = begun();
      world.run(sound, offered(world, 4));
      runIntoLatestFinish(world);
      world.command((p, now) => decideKeep(p, BY, now));
      world.settle('shared', world.rollout('shared').n, outcome);
      world.run();
      expect(endOf(world)).toBe('expired');
      expect(resultsOf(world)).toEqual(['kept', 'kept']);
      expect(served(world)).toContain('ada:new');
    }
  });

  test('the latest finish while only the last step runs: sound, it is promoted after all', () => {
    const world = begun(aPlan({ cells: [aCell({ tenants: { zoe: 'broad' }, schemaVersion: 2 })] }));
    world.run(sound, offered(world, 2));
    runIntoLatestFinish(world);
    expect(endOf(world)).toBe('held');
    world.settle('shared', world.rollout('shared').n, { kind: 'done', result: { checks: { passed: 1, failed: 0 } } });
    expect(endOf(world.run())).toBe('promoted');
  });

  test('the latest finish between two waves, unanswered, brings all back', () => {
    const world = begun();
    world.run(sound, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
    world.windowOpen = false;
    world.run();
    expect(endOf(world)).toBe('rolled-back');
    expect(served(world)).not.toContain('new');
  });

  test('no step is offered between the latest finish and the promotion’s own look at it', () => {
    const world = begun();
    world.run(
      sound,
      () =>
        world.rollouts.size > 0 && world.rollout('shared').phase === 'waiting' && world.rollout('shared').cursor === 1,
    );
    world.now = world.plan.latestFinish;
    world.tickRollout('shared');
    expect(world.rollout('shared')).toMatchObject({ phase: 'waiting', reason: 'the latest finish has passed' });
  });
});

describe('a rollback by a person of what goes back already', () => {
  const undoing = (scope: object, more: object = {}) =>
    ({
      ...{ ...begun().promotion, phase: 'undoing', wave: 1, cells: ['shared'], until: NOON },
      ...{ undo: { scope: { wave: 1, ...scope }, because: 'health found 503', at: NOON }, ...more },
    }) as unknown as Promotion;
  const back = (state: Promotion) => decideRollback(state, BY, 'as incident says', NOON);

  test.each([
    ['everything', undoing({ kind: 'all' })],
    ['its only cell', undoing({ kind: 'cell', cell: 'shared' })],
  ])('in the same scope changes nothing, its reason neither: %s', (_what, state) => {
    expect(back(state)).toEqual({ ok: true, events: [] });
  });
  test.each([
    ['one of two cells', undoing({ kind: 'cell', cell: 'shared' }, { cells: ['shared', 'other'] })],
    ['some tenants', undoing({ kind: 'tenant', cell: 'shared', tenants: ['ada'] })],
  ])('widens %s to everything, and says why it began, too', (_what, state) => {
    expect(back(state)).toMatchObject({
      events: [{ data: { scope: { kind: 'all' }, because: `health found 503; then ${BY}: as incident says` } }],
    });
  });
});

describe('people’s commands', () => {
  const approve = (world: World, by: string, envelope = world.promotion.envelope) =>
    decideApprove(world.promotion, { by, envelope, now: world.now, expiresAt: world.now + HOUR_MS });

  test('no author and no requester approves, nobody another envelope, and nobody twice', () => {
    const world = new World(twoCells());
    expect(approve(world, 'usr_author')).toMatchObject({ ok: false, refusal: { code: 'author-approves' } });
    expect(approve(world, 'usr_manager')).toMatchObject({ ok: false, refusal: { code: 'requester-approves' } });
    expect(approve(world, 'usr_x', 'sha256:00')).toMatchObject({ ok: false, refusal: { code: 'other-envelope' } });
    expect(approve(world, 'usr_x')).toMatchObject({ ok: true, events: [{ type: 'promotion.approved' }] });
    world.approve('usr_x');
    expect(approve(world, 'usr_x')).toEqual({ ok: true, events: [] });
    world.now += 5 * HOUR_MS;
    expect(approve(world, 'usr_x')).toMatchObject({ ok: true, events: [{ type: 'promotion.approved' }] });
  });

  test('who signs after having shown a token says more; what was signed for an hour gone by says nothing', () => {
    const world = new World(twoCells());
    world.approve('usr_x');
    const { now, promotion } = world;
    const yes = { by: 'usr_x', envelope: promotion.envelope, now, bundle: digestOf('signed') };
    expect(decideApprove(promotion, { ...yes, expiresAt: now + HOUR_MS })).toMatchObject({
      ok: true,
      events: [{ data: { proof: 'signed', bundle: yes.bundle } }],
    });
    expect(decideApprove(promotion, { ...yes, expiresAt: now })).toMatchObject({
      ok: false,
      refusal: { code: 'approval-expired', unblock: 'sign it again' },
    });
  });

  test('each is refused, with what would unblock it, in the phases where it makes no sense', () => {
    const awaiting = new World(twoCells());
    const advancing = begun();
    advancing.run(sound, () => advancing.promotion.phase === 'advancing');
    const finished = begun().run();
    for (const [world, permitted] of [
      [awaiting, ['approve', 'reject', 'rollback']],
      [advancing, ['approve', 'pause', 'rollback']],
      [finished, []],
    ] as const) {
      const { promotion, now } = world;
      const decided = {
        approve: approve(world, 'usr_x'),
        reject: decideReject(promotion, BY, 'no', now),
        pause: decidePause(promotion, BY, 'wait', now),
        resume: decideResume(promotion, BY),
        rollback: decideRollback(promotion, BY, 'back', now),
        keep: decideKeep(promotion, BY, now),
      };
      expect(
        Object.entries(decided)
          .filter(([, d]) => d.ok)
          .map(([name]) => name),
      ).toEqual(permitted);
      for (const d of Object.values(decided))
        if (!d.ok) for (const word of Object.values(d.refusal)) expect(word).not.toBe('');
    }
  });

  test('rejected before the first wave, nothing happened; later, all is brought back', () => {
    const early = new World(twoCells());
    early.command((p, now) => decideReject(p, BY, 'no', now));
    expect(endOf(early)).toBe('rejected');
    const late = begun();
    late.run(sound, () => late.promotion.phase === 'awaiting' && late.promotion.wave === 1);
    late.command((p, now) => decideReject(p, BY, 'no', now));
    expect(endOf(late.run())).toBe('rolled-back');
    expect(served(late)).not.toContain('new');
  });
});

describe('an ended promotion is not taken back any more, and says what to promote instead', () => {
  const unblock = (world: World) => {
    const decided = decideRollback(world.promotion, BY, 'too late', world.now, ranBefore(world.plan));
    return decided.ok ? 'accepted' : decided.refusal.unblock;
  };

  test('the release that ran before, by its digest, once for all cells', () => {
    const world = begun(twoCells('all'));
    expect(endOf(world.run())).toBe('promoted');
    const [before, ...others] = ranBefore(world.plan);
    expect(others).toEqual([]);
    expect(before?.digest).not.toBe(world.promotion.release.digest);
    expect(unblock(world)).toContain(`headgate promote ${before?.digest} --to ${world.promotion.environment}`);
  });

  test('where it removed something, what goes forward first, and of the one before that it is asked about', () => {
    const world = begun(twoCells('all'));
    world.run();
    const before = ranBefore(world.plan);
    const decided = decideRollback(world.promotion, BY, 'too late', world.now, before, ['0005-drop-phone.sql']);
    expect(decided).toMatchObject({
      refusal: {
        unblock: expect.stringMatching(
          /^promote a release that mends it .*\(0005-drop-phone\.sql\)\. The release that ran before is refused where it may use that, .*`headgate promote/,
        ),
      },
    });
  });

  test('nothing where nobody stayed on the release', () => {
    const world = begun();
    expect(endOf(world.run(breaking('shared', 'w1.verify', 'ada')))).toBe('rolled-back');
    expect(unblock(world)).toMatch(/^nothing: nobody stayed on the release/);
  });
});
