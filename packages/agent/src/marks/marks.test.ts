import { compareFences } from '@headgate/domain/protocol/fence';
import { digestOf } from '@headgate/testkit/domain/builders';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LARGEST_EPOCH_RISE, type Marks, NO_MARKS, newestPlan, planOf, staleness, taken } from './marks.ts';

const token = fc.record({ epoch: fc.integer({ min: 0, max: 3 }), n: fc.integer({ min: 0, max: 9 }) });
const offer = fc.record({ cell: fc.constantFrom('a', 'b', '__proto__'), token });

test('whatever is offered in whatever order, a cell’s taken tokens rise strictly and no epoch falls', () => {
  fc.assert(
    fc.property(fc.array(offer, { maxLength: 60 }), (offers) => {
      let marks = NO_MARKS;
      let epoch = 0;
      const last = new Map<string, { epoch: number; n: number }>();
      for (const { cell, token: t } of offers) {
        if (staleness(marks, cell, t) !== undefined) continue;
        const before = last.get(cell);
        if (before !== undefined) expect(compareFences(t, before)).toBeGreaterThan(0);
        expect(t.epoch).toBeGreaterThanOrEqual(epoch);
        epoch = t.epoch;
        last.set(cell, t);
        marks = taken(marks, cell, t, { plan: digestOf('plan'), begun: 1 });
        expect(staleness(marks, cell, t)).toBeDefined();
      }
    }),
  );
});

describe('how far a plan was taken', () => {
  const plan = (n: number) => digestOf(`plan ${n}`);
  const step = (marks: Marks, n: number, begun: number) =>
    taken(marks, 'a', { epoch: 1, n: (marks.cells.a?.n ?? 0) + 1 }, { plan: plan(n), begun });

  test('never shrinks, whatever step is tried again, and is another cell’s own', () => {
    const marks = step(step(step(NO_MARKS, 1, 2), 1, 5), 1, 3);
    expect(planOf(marks, 'a', plan(1))?.begun).toBe(5);
    expect(planOf(marks, 'b', plan(1))).toBeUndefined();
    expect(planOf(marks, '__proto__', plan(1))).toBeUndefined();
  });

  test('is remembered with that it was taken back, and for the last eight plans of a cell', () => {
    let marks: Marks = NO_MARKS;
    for (let n = 1; n <= 9; n++) marks = step(marks, n, n);
    marks = taken(marks, 'a', { epoch: 1, n: 99 }, { plan: plan(9), begun: 3, undone: true });
    expect(newestPlan(marks, 'a')).toEqual({ plan: plan(9), begun: 9, undone: true });
    expect(newestPlan(step(marks, 9, 4), 'a')).toMatchObject({ begun: 9, undone: true });
    const known = Array.from({ length: 9 }, (_, i) => planOf(marks, 'a', plan(i + 1))?.begun);
    expect(known).toEqual([undefined, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

test('an epoch rises by restores, never to where no honest server comes', () => {
  const at = taken(NO_MARKS, 'a', { epoch: 5, n: 1 }, { plan: digestOf('plan'), begun: 1 });
  expect(staleness(at, 'a', { epoch: 5 + LARGEST_EPOCH_RISE, n: 1 })).toBeUndefined();
  expect(staleness(at, 'a', { epoch: 6 + LARGEST_EPOCH_RISE, n: 1 })).toBe('absurd-epoch');
});
