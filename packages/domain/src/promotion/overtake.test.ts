import {
  ACCESS,
  cellsOvertaken,
  decideOvertake,
  decidePause,
  decideRollback,
  gatesToOvertake,
  type Operation,
  type Promotion,
  planPromotion,
  type Rollout,
} from '@headgate/domain';
import { aCell, aManifest, anApplication, anUpgrade, aPlan, aPolicy } from '@headgate/testkit/domain/builders';
import type { World } from '@headgate/testkit/domain/world';
import { begun, endOf, offered, resultsOf, served, twoCells } from '@headgate/testkit/domain/worlds';
import { describe, expect, test } from 'vitest';

const facts = ({ plan, rollouts, now }: World) => ({ plan, rollouts, now });
const decide = (world: World) =>
  decideOvertake(world.promotion, facts(world), 'usr_ops', 'prm_2', 'invoices are wrong');
const overtake = (world: World): boolean => world.command(() => decide(world));
const codeOf = (world: World): string => {
  const decided = decide(world);
  return decided.ok ? 'ok' : decided.refusal.code;
};

/** Paused when the shared cell rests after so many steps. */
function pausedAfter(cursor: number, plan = twoCells()): World {
  const world = begun(plan);
  world.run(
    undefined,
    () => world.rollouts.get('shared')?.cursor === cursor && world.rollout('shared').phase !== 'leased',
  );
  world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'a hotfix', now));
  return world;
}

test('between waves it is superseded: who is half way goes back, and nobody is asked', () => {
  const world = begun();
  world.run(undefined, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
  expect(served(world)).toContain('ada:new');
  expect(overtake(world)).toBe(true);
  world.run();
  expect([endOf(world), served(world)]).toEqual(['superseded', 'ada:old bob:old cyd:old zoe:old yan:old']);
});

test('a cell that is wholly on the release keeps it, and one that was never touched is let go', () => {
  const plan = aPlan({
    policy: aPolicy(),
    cells: [
      aCell({ tenants: { ada: 'internal' } }),
      aCell({ cell: 'half', tenants: { bob: 'internal', eve: 'broad' } }),
      aCell({ cell: 'untouched', tenants: { cyd: 'broad' } }),
    ],
  });
  const world = begun(plan);
  world.run(undefined, () => world.promotion.phase === 'awaiting' && world.promotion.wave === 1);
  const decided = decide(world);
  const scope =
    decided.ok && decided.events[0]?.type === 'promotion.overtaken' ? decided.events[0].data.scope : undefined;
  expect(scope?.cells).toEqual(['half']);
  const expected = cellsOvertaken(plan, world.rollouts, scope!);
  overtake(world);
  world.run();
  expect(served(world)).toBe('ada:new bob:old eve:old cyd:old');
  expect(resultsOf(world)).toEqual(['kept', 'undone', 'undone']);
  // What the hotfix is planned for is what then stands, to the last field.
  for (const cell of expected) expect(cell).toEqual(world.cells.get(cell.cell));
});

test('its approvals are void and nothing of it goes forward again', () => {
  const world = pausedAfter(4);
  overtake(world);
  world.approve();
  world.run();
  const after = world.history.slice(world.history.findIndex(({ event }) => event.type === 'promotion.overtaken'));
  const opened = after.filter(({ event }) => event.type === 'promotion.wave-opened');
  expect([endOf(world), opened]).toEqual(['superseded', []]);
});

test('a soak at work is a hold point: it changes nothing, and whoever watches loses the lease', () => {
  const plan = twoCells();
  const steps = plan.cells.find(({ cell }) => cell === 'shared')!.steps;
  const soak = steps.findIndex(({ action }) => action.kind === 'soak');
  const world = begun(plan);
  world.run(undefined, offered(world, soak));
  world.lease('shared');
  expect(codeOf(world)).toBe('not-at-hold');
  world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'a hotfix', now));
  const decided = decide(world);
  if (!decided.ok || decided.events[0]?.type !== 'promotion.overtaken') throw new Error('it was refused');
  const expected = cellsOvertaken(plan, world.rollouts, decided.events[0].data.scope);
  overtake(world);
  world.run();
  const lost = world.history.flatMap(({ event }) => (event.type === 'rollout.lease-lost' ? [event.data] : []));
  expect(lost).toMatchObject([{ step: steps[soak]!.id, why: 'revoked' }]);
  expect(endOf(world)).toBe('superseded');
  expect(expected).toEqual(plan.cells.map(({ cell }) => world.cells.get(cell)));
});

describe('is refused, with what would unblock', () => {
  test('before it has begun, once it ended, and while it goes back', () => {
    const fresh = begun();
    expect(codeOf(fresh)).toBe('wrong-phase');
    fresh.run();
    expect(codeOf(fresh)).toBe('wrong-phase');
    const back = pausedAfter(4);
    overtake(back);
    expect(codeOf(back)).toBe('wrong-phase');
  });

  test('while it carries out a wave, and in the middle of a step', () => {
    const world = begun();
    world.run(undefined, offered(world, 2));
    expect(codeOf(world)).toBe('not-at-hold');
    world.lease('shared');
    world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'a hotfix', now));
    const decided = decide(world);
    expect(decided).toMatchObject({ refusal: { code: 'not-at-hold', why: expect.stringContaining('(leased)') } });
  });

  test('past the point of no return of a cell that is half way', () => {
    const world = pausedAfter(5);
    const cells = world.plan.cells.map((cell) => ({
      ...cell,
      steps: cell.steps.map((step) =>
        step.undo.kind === 'act' && step.action.kind === 'deploy'
          ? { ...step, undo: { ...step.undo, approver: 'approver' } }
          : step,
      ),
    }));
    const decided = decideOvertake(
      world.promotion as Promotion,
      { ...facts(world), plan: { ...world.plan, cells } },
      'usr_ops',
      'prm_2',
      'x',
    );
    expect(decided).toMatchObject({ ok: false, refusal: { code: 'past-no-return' } });
  });

  test('past an activation in a cell that is half way: going back loses nothing, and what customers did stays done', () => {
    const files: Operation = { name: 'file-return', says: 'x', requests: [{ methods: ['POST'], path: '/returns' }] };
    const plan = aPlan({
      application: anApplication({ operations: [files] }),
      manifest: aManifest({ activates: [{ operation: 'file-return', because: 'the tax office keeps it' }] }),
    });
    const steps = plan.cells.find(({ cell }) => cell === 'shared')!.steps;
    const at = steps.findIndex(({ id }) => /^w\d+\.activate$/.test(id));
    expect(codeOf(pausedAfter(at, plan))).toBe('ok');
    const decided = decide(pausedAfter(at + 2, plan));
    expect(decided).toMatchObject({
      refusal: { code: 'past-no-return', why: expect.stringContaining('file-return is activated there') },
    });
  });
});

describe('builds on no guess', () => {
  test('while nobody knows what became of a step whose lease was lost', () => {
    const world = begun();
    world.run(undefined, offered(world, 2));
    world.lease('shared');
    world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'a hotfix', now));
    world.rollouts.set('shared', { ...world.rollout('shared'), phase: 'waiting', begun: 3 } as Rollout);
    expect(decide(world)).toMatchObject({
      refusal: { code: 'not-at-hold', unblock: expect.stringContaining('resume') },
    });
  });

  test('after a restore: nothing before the cells are read back, and no step of an open wave that may have begun', () => {
    const world = pausedAfter(2);
    expect(codeOf(world)).toBe('ok');
    const asked = (more: object) => decideOvertake(world.promotion, { ...facts(world), ...more }, 'usr_ops', 'p', 'x');
    expect(asked({ epoch: 2, unread: ['shared'] })).toMatchObject({ refusal: { code: 'unread' } });
    expect(asked({ epoch: 2 })).toMatchObject({ refusal: { why: expect.stringContaining('nobody knows') } });
    for (const [cell, rollout] of world.rollouts) world.rollouts.set(cell, { ...rollout, epoch: 2 });
    expect(asked({ epoch: 2 })).toMatchObject({ ok: true });
  });

  test('with stores of tenants’ own: never while one is held, nor when the way back would lose what they wrote since', () => {
    const planned = planPromotion(anUpgrade());
    if (!planned.ok) throw new Error(planned.refusals[0]?.why);
    const { steps } = planned.plan.cells[0]!;
    const why = steps.map((_, cursor) => {
      const decided = decide(pausedAfter(cursor, planned.plan));
      return decided.ok ? 'ok' : /is held in cell|loses what was/.exec(decided.refusal.why)?.[0];
    });
    expect(new Set(why)).toEqual(new Set(['ok', 'is held in cell', 'loses what was']));
    // Once somebody writes to an upgraded store it only ever gets worse, until the cell is done.
    expect(why.slice(why.indexOf('loses what was'))).not.toContain('ok');
  });

  test('while a cell goes back that its agent took back by itself', () => {
    const world = pausedAfter(4);
    const undo = { scope: { kind: 'all' as const, wave: 1 }, because: 'away', cursor: 0, agreed: false };
    world.rollouts.set('shared', { ...world.rollout('shared'), undo });
    expect(decide(world)).toMatchObject({ refusal: { why: expect.stringContaining('by itself') } });
  });

  test('wherever it rests, what the hotfix is planned for is what then stands', () => {
    const own = aPlan({
      policy: aPolicy(),
      cells: [aCell({ tenants: { ada: 'internal' } }), aCell({ cell: 'other' })],
    });
    const accepted = new Set<boolean>();
    for (const plan of [twoCells(), twoCells('ring'), own])
      for (let cursor = 0; cursor < 14; cursor++) {
        const world = begun(plan);
        world.run(undefined, () => world.ended() || world.rollouts.get('shared')?.cursor === cursor);
        world.command((promotion, now) => decidePause(promotion, 'usr_ops', 'a hotfix', now));
        const decided = decide(world);
        accepted.add(decided.ok);
        if (!decided.ok || decided.events[0]?.type !== 'promotion.overtaken') continue;
        const expected = cellsOvertaken(plan, world.rollouts, decided.events[0].data.scope);
        overtake(world);
        world.run();
        expect(endOf(world)).toBe('superseded');
        expect(expected).toEqual(plan.cells.map(({ cell }) => world.cells.get(cell)));
      }
    expect(accepted).toEqual(new Set([true, false]));
  });
});

test('rolled back wholly by somebody after all, it ends so', () => {
  const world = pausedAfter(4);
  overtake(world);
  expect(world.command((promotion, now) => decideRollback(promotion, 'usr_ops', 'all of it', now))).toBe(true);
  world.run();
  expect(endOf(world)).toBe('rolled-back');
});

test('who may is who may both promote and roll back', () => {
  const promotes: readonly string[] = ACCESS.promote;
  expect(ACCESS.overtake).toEqual(ACCESS.rollback.filter((role) => promotes.includes(role)));
});

test('the hotfix has every gate of the policy, and one approval more', () => {
  const { gates } = aPolicy();
  const raised = gatesToOvertake(gates);
  expect(raised.map((gate) => gate.gate)).toEqual(gates.map((gate) => gate.gate));
  expect(raised.find((gate) => gate.gate === 'approval')?.params).toEqual({ count: 2 });
  expect(gatesToOvertake([])).toEqual([{ gate: 'approval', at: 'wave', params: { count: 1 } }]);
});
