import {
  decideUndoneAway,
  LARGEST_TOKEN_RISE,
  reportsWithRoom,
  type Scope,
  stepAtHand,
  type UndoneAway,
  undoneWords,
  undoSteps,
} from '@headgate/domain';
import { digestOf, soundOutcome } from '@headgate/testkit/domain/builders';
import { toldUndo, WHOLE } from '@headgate/testkit/domain/undone-away';
import type { World } from '@headgate/testkit/domain/world';
import { begun, endOf, reached, served, twoCells } from '@headgate/testkit/domain/worlds';
import { expect, test } from 'vitest';

const take = (world: World, what: UndoneAway): boolean =>
  world.answer('shared', (rollout, now) => decideUndoneAway(rollout, world.cellPlan('shared'), 'agt_1', what, now, 0));

/** The first wave soaks as the server goes. */
function inMidWave(scope?: Parameters<typeof twoCells>[0]): World {
  const world = begun(twoCells(scope));
  const soaks = (): boolean =>
    world.rollouts.get('shared')?.phase === 'leased' && world.action('shared')?.kind === 'soak';
  return world.run(
    (_cell, _step, action, now) => (action.kind === 'soak' ? 'silence' : soundOutcome(action, now)),
    soaks,
  );
}

test('a whole undo settles the rollout without another step, and its promotion decides to go back', () => {
  const world = inMidWave();
  const leases = () => world.history.filter(({ event }) => event.type === 'rollout.leased').length;
  expect(take(world, toldUndo(world))).toBe(true);
  const before = leases();
  world.run();
  expect(leases()).toBe(before);
  expect(endOf(world)).toBe('rolled-back');
  expect(served(world)).not.toContain('new');
  const decided = world.history.find(({ event }) => event.type === 'promotion.rollback-decided');
  expect(JSON.stringify(decided?.event)).toContain(
    'undone by agt_1 while the server was away, which says that usr_op decided it: it hurts',
  );
});

test('what its checks and reconciliations said stands on the log, of the steps that are taken up alone', () => {
  const world = inMidWave();
  const checks = { passed: 3, failed: 0 };
  const { steps, ...what } = toldUndo(world, { count: 2 });
  const said = { ...what, steps: steps.map(({ id, result }) => ({ id, result: { ...result, checks } })) };
  const extra = { id: 'nothing of this undo', result: { checks } };
  take(world, { ...said, steps: [...said.steps, extra] });
  const entry = world.history.findLast(({ event }) => event.type === 'rollout.undone-away');
  expect(entry?.event.data).toMatchObject({
    cursor: 2,
    reported: steps.map(({ id }) => ({ step: id, result: { checks } })),
  });
});

test('however much it reported and whomever it names, an entry has room for it, and what is unsound comes first', () => {
  const world = inMidWave('tenant');
  const { steps, ...what } = toldUndo(world, { count: 1 });
  const why = '„'.repeat(500);
  const checks = { passed: 1, failed: 1, firstFailure: { check: 'c'.repeat(200), tenant: 't'.repeat(63), why, at: 1 } };
  const sound = { passed: 1_000_000_000, failed: 0 };
  const [first] = steps;
  const tenants = Array.from({ length: 10_000 }, (_, i) => `tenant-${'x'.repeat(50)}-${i}`);
  const scope: Scope = { kind: 'tenant', wave: 1, cell: 'shared', tenants };
  const decided = decideUndoneAway(
    world.rollout('shared'),
    world.cellPlan('shared'),
    'agt_1',
    { ...what, scope, steps: [{ id: first!.id, result: { ...first!.result, checks } }] },
    world.now,
    0,
  );
  if (!decided.ok) throw new Error(decided.refusal.why);
  expect(Buffer.byteLength(JSON.stringify(decided.events))).toBeLessThan(60_000);
  expect(decided.events[0]).toMatchObject({ data: { scope: { kind: 'cell', wave: 1, cell: 'shared' } } });
  const many = Array.from({ length: 400 }, (_, i) => ({ id: `s${i}`, result: { checks: i === 399 ? checks : sound } }));
  const { reported, unreported } = reportsWithRoom(many);
  expect(reported?.[0]).toMatchObject({ step: 's399' });
  expect((reported?.length ?? 0) + (unreported ?? 0)).toBe(400);
  expect(Buffer.byteLength(JSON.stringify(reported))).toBeLessThan(25_000);
});

test('half an undo is gone on with where it stood, above the agent’s tokens', () => {
  const world = inMidWave();
  const what = toldUndo(world, { count: 2, stopped: 'it still serves' });
  take(world, what);
  const rollout = world.rollout('shared');
  expect(stepAtHand(rollout, world.cellPlan('shared'))?.id).toBe(
    undoSteps(world.cellPlan('shared'), WHOLE, rollout.begun)[2]!.id,
  );
  world.tickRollout('shared');
  expect(world.rollout('shared').n).toBe(what.n + 1);
  world.run();
  expect(endOf(world)).toBe('rolled-back');
});

test('told twice, it is known: nothing is put on the log again', () => {
  const world = inMidWave();
  const what = toldUndo(world);
  take(world, what);
  const { length } = world.history;
  expect(take(world, what)).toBe(true);
  expect(world.history).toHaveLength(length);
});

test('a step that proves nothing, or is another than this undo’s, is carried out again with all after it', () => {
  const world = inMidWave();
  const what = toldUndo(world);
  const [first, ...rest] = what.steps;
  take(world, { ...what, steps: [{ id: first!.id, result: {} }, ...rest] });
  expect(world.rollout('shared').undo?.cursor).toBe(0);
});

test('what the agent never began, but was handed out to nobody, is undone too', () => {
  const world = inMidWave();
  const { begun: known } = world.rollout('shared');
  const what = toldUndo(world, { begun: known - 1 });
  take(world, what);
  expect(world.rollout('shared')).toMatchObject({ begun: known });
  world.run();
  expect(endOf(world)).toBe('rolled-back');
});

test('a scope that the plan doesn’t declare widens to all; one tenant of a tenant-wide plan stays one', () => {
  const cell: Scope = { kind: 'cell', wave: 1, cell: 'shared' };
  const decided = (scope: Parameters<typeof twoCells>[0], of: Scope) => {
    const world = inMidWave(scope);
    take(world, toldUndo(world, { scope: of }));
    world.tickPromotion();
    return world.promotion.undo?.scope;
  };
  expect(decided('ring', cell)).toEqual({ kind: 'all', wave: 1 });
  expect(decided('all', cell)).toEqual({ kind: 'all', wave: 1 });
  expect(decided('tenant', cell)).toEqual(cell);
  const tenant: Scope = { kind: 'tenant', wave: 1, cell: 'shared', tenants: ['ada'] };
  expect(decided('tenant', tenant)).toEqual(tenant);
});

test('it is taken up between waves and while paused, too: whatever was meant here, it has happened', () => {
  for (const meanwhile of ['paused', 'awaiting'] as const) {
    const world = begun();
    if (meanwhile === 'awaiting') world.windowOpen = true;
    world.run(undefined, () => world.promotion.wave === 1 && world.rollout('shared').cursor > 3);
    world.approve();
    if (meanwhile === 'paused')
      world.command((promotion, now) => ({
        ok: true,
        events: [
          { type: 'promotion.paused', data: { by: 'usr_op', reason: 'wait', until: now + promotion.latestFinish } },
        ],
      }));
    else {
      world.freezes = [{ name: 'x', from: 0, to: world.now + 3_600_000, reason: 'x' } as never];
      world.run(undefined, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
    }
    take(world, toldUndo(world));
    world.freezes = [];
    world.tickPromotion();
    expect([meanwhile, world.promotion.phase]).toEqual([meanwhile, 'undoing']);
  }
});

test('what can’t be is refused: another plan, a settled rollout, more steps than there are', () => {
  const world = inMidWave();
  const what = toldUndo(world);
  const code = (wrong: Partial<UndoneAway>) => {
    const decided = decideUndoneAway(
      world.rollout('shared'),
      world.cellPlan('shared'),
      'agt_1',
      { ...what, ...wrong },
      world.now,
      0,
    );
    return decided.ok ? 'ok' : decided.refusal.code;
  };
  expect(code({ plan: digestOf('another') })).toBe('other-plan');
  expect(code({ begun: 10_000 })).toBe('other-plan');
  expect(code({ scope: { kind: 'cell', wave: 1, cell: 'dedicated' } })).toBe('other-plan');
  take(world, what);
  world.run(undefined, reached(world, 'settled'));
  expect(code({})).toBe('settled');
});

test('a number that no retries explain is refused, open or settled: the cell would never be given a step again', () => {
  const world = inMidWave();
  const what = toldUndo(world, { count: 2 });
  const assigned = world.rollout('shared').n + 500;
  const most = assigned + LARGEST_TOKEN_RISE + what.steps.length;
  const decide = (n: number) =>
    decideUndoneAway(world.rollout('shared'), world.cellPlan('shared'), 'agt_1', { ...what, n }, world.now, assigned);
  expect(decide(most)).toMatchObject({ ok: true, events: [{ data: { n: most } }] });
  for (const n of [most + 1, Number.MAX_SAFE_INTEGER])
    expect(decide(n)).toMatchObject({ ok: false, refusal: { code: 'absurd-token' } });
  take(world, toldUndo(world));
  world.run(undefined, reached(world, 'settled'));
  expect(decide(most)).toMatchObject({ refusal: { code: 'settled' } });
  expect(decide(Number.MAX_SAFE_INTEGER)).toMatchObject({ refusal: { code: 'absurd-token' } });
});

test('who decided it is the agent’s word, and reads so', () => {
  expect(undoneWords('agt_1', { by: 'usr_mary', because: 'x' })).toBe(
    'undone by agt_1 while the server was away, which says that usr_mary decided it: x',
  );
  expect(undoneWords('agt_1', { by: 'agent', because: 'x' })).toBe(
    'undone by agt_1 while the server was away, by itself: x',
  );
});
