import type { Plan } from '@headgate/domain';
import type { World } from '@headgate/testkit/domain/world';
import { begun, breaking, twoCells } from '@headgate/testkit/domain/worlds';
import { expect, test } from 'vitest';
import { choose, rotate } from './choose.ts';
import { spotsOfCommit } from './commit-spots.ts';
import { EFFECTS, forwardSpots, pointsOf, sameSpot, say, undoSpots } from './points.ts';

/** What the shipped deciders really put on the log; waits come and go with the clock, so no plan enumerates them. */
function recorded(world: World): string[] {
  const spots = world.history.flatMap(({ stream, event }) =>
    spotsOfCommit({ writes: [{ stream, expected: 0, entries: [event], state: {}, dueAt: null }] }),
  );
  return [...new Set(spots.filter(({ what }) => !what.endsWith('.waiting')).map(say))].sort();
}
const commitsOf = (spots: ReturnType<typeof forwardSpots>): string[] =>
  [...new Set(spots.filter(({ where }) => where === 'commit').map(say))].sort();

test('every entry of a promotion that goes well is enumerated from its plan, and nothing else is', () => {
  const world = begun();
  world.run();
  expect(commitsOf(forwardSpots(world.plan))).toEqual(recorded(world));
});

test('every entry of an undo is enumerated from the plan and the step that failed', () => {
  for (const scope of ['cell', 'all'] as const) {
    const plan = twoCells(scope);
    const good = commitsOf(forwardSpots(plan));
    const world = begun(plan);
    const [, tenant] = Object.keys(plan.cells[0]!.base.tenants);
    world.run(breaking('shared', 'w2.verify', tenant!));
    const undo = commitsOf(undoSpots(plan, { cell: 'shared', step: 'w2.verify' }));
    expect([...new Set([...undo, ...recorded(world).filter((each) => good.includes(each))])].sort()).toEqual(
      recorded(world),
    );
  }
});

test('every step has an effect for each port method of its action, and every spot every victim before and after', () => {
  const plan: Plan = twoCells();
  const spots = forwardSpots(plan);
  for (const { cell, steps } of plan.cells)
    for (const { id, action } of steps)
      expect(spots.filter((s) => s.where === 'effect' && s.lane === cell && s.step === id).map((s) => s.what)).toEqual(
        EFFECTS[action.kind],
      );
  const points = pointsOf('1.1.0', spots, plan);
  expect(new Set(points.map(({ id }) => id)).size).toBe(points.length);
  for (const spot of spots)
    for (const when of ['before', 'after'])
      for (const victim of ['server', 'agent', 'control-postgres', 'store-postgres:main'])
        expect(points.filter((p) => p.victim === victim && p.when === when && sameSpot(p, spot))).toHaveLength(1);
});

test('the same seed chooses the same points, and every wanted kind of point is among them', () => {
  const plan = twoCells();
  const points = pointsOf('1.1.0', forwardSpots(plan), plan);
  const wanted = [
    { victim: 'server', when: 'before' },
    { victim: 'agent', when: 'after' },
    { victim: 'control-postgres', when: 'after' },
  ] as const;
  const chosen = choose(points, wanted, 7);
  expect(chosen).toEqual(choose(points, wanted, 7));
  expect(chosen.map(({ victim, when }) => ({ victim, when }))).toEqual(wanted);
  expect(new Set(chosen.map(({ lane, step }) => `${lane} ${step}`)).size).toBe(wanted.length);
});

test('as many tellings as a spot has victims get through all points, one before and one after at each spot', () => {
  const plan = twoCells();
  const points = pointsOf('1.1.0', forwardSpots(plan), plan);
  const done = new Set<string>();
  for (let telling = 1; telling <= 4; telling++) {
    const chosen = rotate(points, telling, ({ id }) => !done.has(id));
    expect(new Set(chosen.map((p) => `${p.where} ${p.when} ${say(p)}`)).size).toBe(chosen.length);
    for (const { id } of chosen) done.add(id);
  }
  expect(done.size).toBe(points.length);
});
