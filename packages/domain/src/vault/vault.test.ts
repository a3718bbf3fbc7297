import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freshnessOf, nextDue } from './freshness.ts';
import { decideRetention, type RetentionRule, type VaultedPoint } from './retention.ts';
import { beforeWayBack, SCHEDULED, takenForRollout } from './schedule.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Later than any of them. */
const LATE = 500 * DAY;

const point: fc.Arbitrary<Omit<VaultedPoint, 'id'>> = fc
  .record({
    takenAt: fc.integer({ min: 0, max: 400 * DAY }),
    readable: fc.boolean(),
    rollout: fc.constantFrom('r1', 'r2', 'r3', 'r4'),
  })
  .map(({ rollout, ...rest }) => (rest.readable ? { ...rest, rollout } : rest));
const points = fc.array(point, { maxLength: 60 }).map((all) => all.map((each, i) => ({ ...each, id: `rp-${i}` })));
const rule: fc.Arbitrary<RetentionRule> = fc.record({
  last: fc.integer({ min: 0, max: 10 }),
  days: fc.integer({ min: 0, max: 14 }),
  weeks: fc.integer({ min: 0, max: 14 }),
});
const needed = fc.subarray(['r1', 'r2', 'r3', 'r4']).map((all) => new Set(all));

describe('retention', () => {
  const decided = (
    check: (
      d: ReturnType<typeof decideRetention>,
      all: readonly VaultedPoint[],
      r: RetentionRule,
      n: ReadonlySet<string>,
    ) => void,
  ) => fc.assert(fc.property(points, rule, needed, (all, r, n) => check(decideRetention(all, r, n, LATE), all, r, n)));

  test('every restore point is kept or removed, and only one of both', () =>
    decided(({ keep, remove }, all) => {
      expect([...keep, ...remove].map(({ id }) => id).toSorted()).toEqual(all.map(({ id }) => id).toSorted());
    }));

  test('the newest that can be read always stays', () =>
    decided(({ remove }, all) => {
      const newest = Math.max(...all.filter((p) => p.readable).map((p) => p.takenAt));
      const gone = new Set(remove.map(({ id }) => id));
      const rest = all.filter((p) => p.readable && !gone.has(p.id));
      if (all.some((p) => p.readable)) expect(Math.max(...rest.map((p) => p.takenAt))).toBe(newest);
    }));

  test('what a rollout needs to go back always stays', () =>
    decided(({ remove }, all, _, n) => {
      for (const { id } of remove) expect(n.has(all.find((p) => p.id === id)!.rollout!)).toBe(false);
    }));

  test('what a program’s way back took away is never removed, and takes nobody’s place', () => {
    const point = (id: string, takenAt: number, rollout: string) => ({ id, takenAt, readable: true, rollout });
    const lasting = beforeWayBack('r1', 'undo.w1.migrate.main');
    const all = [point('old', 1, lasting), point('gone', 2, 'r0'), point('last', 3, 'r0'), point('new', 4, lasting)];
    const one = { last: 1, days: 0, weeks: 0 };
    expect(decideRetention(all, one, new Set(), LATE).remove.map(({ id }) => id)).toEqual(['gone']);
    expect(takenForRollout({ rollout: lasting })).toBe(false);
  });

  test('what can not be read is never removed', () =>
    decided(({ remove }, all) => {
      for (const { id } of remove) expect(all.find((p) => p.id === id)!.readable).toBe(true);
    }));

  test('so many of the last are kept, and of each of so many days and weeks one', () =>
    decided(({ keep }, all, r) => {
      const kept = new Set(keep.map(({ id }) => id));
      const readable = all.filter((p) => p.readable).toSorted((a, b) => b.takenAt - a.takenAt);
      const least = readable[Math.min(r.last, readable.length) - 1]?.takenAt;
      const days = new Set(readable.map((p) => Math.floor(p.takenAt / DAY)));
      expect(readable.filter((p) => kept.has(p.id)).length).toBeGreaterThanOrEqual(
        Math.max(Math.min(r.last, readable.length), Math.min(r.days, days.size)),
      );
      if (least !== undefined) for (const p of readable) if (p.takenAt > least) expect(kept.has(p.id)).toBe(true);
    }));

  test('it does not depend on the order of the list, and deciding again removes nothing more', () =>
    decided(({ keep, remove }, all, r, n) => {
      expect(decideRetention(all.toReversed(), r, n, LATE)).toEqual({ keep, remove });
      const left = all.filter((p) => keep.some(({ id }) => id === p.id));
      expect(decideRetention(left, r, n, LATE).remove).toEqual([]);
    }));

  test('the rules, by an example: three last, two days, no week', () => {
    const at = (id: string, takenAt: number, rollout = 'r1'): VaultedPoint => ({
      id,
      takenAt,
      readable: true,
      rollout,
    });
    const all = [
      at('d9-noon', 9 * DAY + 12 * HOUR),
      at('d9-ten', 9 * DAY + 10 * HOUR),
      at('d9-nine', 9 * DAY + 9 * HOUR),
      at('d9-one', 9 * DAY + HOUR),
      at('d7-late', 7 * DAY + 20 * HOUR),
      at('d7-early', 7 * DAY + HOUR),
      at('d2', 2 * DAY, 'open'),
      at('d1', DAY),
    ];
    const { keep, remove } = decideRetention(all, { last: 3, days: 2, weeks: 0 }, new Set(['open']), LATE);
    expect(keep.map(({ id, because }) => [id, because])).toEqual([
      ['d9-noon', 'it is the newest'],
      ['d9-ten', 'it is one of the last 3'],
      ['d9-nine', 'it is one of the last 3'],
      ['d7-late', 'it is the last of its day'],
      ['d2', 'the rollout open may need it to go back'],
    ]);
    expect(remove.map(({ id }) => id)).toEqual(['d9-one', 'd7-early', 'd1']);
  });
});

test('what a clock that jumped ahead has written removes nothing that is taken later', () => {
  const at = (id: string, takenAt: number): VaultedPoint => ({ id, takenAt, readable: true, rollout: SCHEDULED });
  const all = [at('jumped', 30 * DAY), at('today', 2 * DAY), at('before', DAY)];
  const { keep, remove } = decideRetention(all, { last: 1, days: 0, weeks: 0 }, new Set(), 2 * DAY + HOUR);
  expect(keep.map(({ id, because }) => [id, because])).toEqual([
    ['jumped', 'it is dated ahead of now: nobody knows when it was taken'],
    ['today', 'it is the newest'],
  ]);
  expect(remove.map(({ id }) => id)).toEqual(['before']);
  // Its day come, it is one like the others.
  expect(decideRetention(all, { last: 1, days: 0, weeks: 0 }, new Set(), 30 * DAY).remove).toHaveLength(2);
});

describe('freshness', () => {
  const at = (takenAt: number, readable = true): VaultedPoint => ({ id: `at-${takenAt}`, takenAt, readable });

  test('what is dated ahead of now says nothing of what would be lost, and makes the next one due', () => {
    const now = 10 * HOUR;
    expect(freshnessOf([at(DAY), at(4 * HOUR)], now)).toEqual({
      ...{ newest: { id: `at-${4 * HOUR}`, takenAt: 4 * HOUR }, ageMs: 6 * HOUR, achievedRpoMs: 6 * HOUR },
      ...{ unreadable: 0, datedAhead: 1 },
    });
    const alone = freshnessOf([at(DAY)], now);
    expect(alone).toEqual({ newest: { id: `at-${DAY}`, takenAt: DAY }, unreadable: 0, datedAhead: 1 });
    expect(nextDue(alone, HOUR)).toBe(0);
    // Its log says what would be lost all the same; clocks that differ by a little change nothing.
    expect(freshnessOf([at(DAY)], now, 9 * HOUR)).toMatchObject({ ageMs: HOUR });
    expect(freshnessOf([at(now + 30_000)], now)).toMatchObject({ ageMs: 0, newest: { takenAt: now } });
  });

  test('what would be lost now is all since the newest that can be read; what would have been lost, the longest gap', () => {
    expect(freshnessOf([at(10 * HOUR), at(HOUR), at(4 * HOUR), at(11 * HOUR, false)], 12 * HOUR)).toEqual({
      newest: { id: `at-${10 * HOUR}`, takenAt: 10 * HOUR },
      ageMs: 2 * HOUR,
      achievedRpoMs: 6 * HOUR,
      unreadable: 1,
    });
  });

  test('without one nothing is claimed', () => {
    expect(freshnessOf([at(HOUR, false)], DAY)).toEqual({ unreadable: 1 });
    // With its log less would be lost, and never more; a reach of a clock that jumped ahead says nothing of the log's end.
    expect(freshnessOf([at(4 * HOUR)], 12 * HOUR, 11 * HOUR)).toMatchObject({ ageMs: HOUR, reachedAt: 11 * HOUR });
    expect(freshnessOf([at(4 * HOUR)], 12 * HOUR, HOUR)).toMatchObject({ ageMs: 8 * HOUR });
    expect(freshnessOf([at(4 * HOUR)], 12 * HOUR, 12 * HOUR + 30_000)).toMatchObject({ ageMs: 0 });
    expect(freshnessOf([at(4 * HOUR)], 12 * HOUR, DAY)).toMatchObject({ ageMs: 8 * HOUR, ahead: true });
    expect(freshnessOf([], 12 * HOUR, 11 * HOUR)).toEqual({ unreadable: 0 });
    expect(nextDue(freshnessOf([], DAY), HOUR)).toBe(0);
  });

  test('no gap is shorter than the age, and none is negative, whatever the clocks say', () =>
    fc.assert(
      fc.property(points, fc.integer({ min: 0, max: 400 * DAY }), (all, now) => {
        const { ageMs, achievedRpoMs } = freshnessOf(all, now);
        expect(achievedRpoMs === undefined).toBe(!all.some((p) => p.readable && p.takenAt <= now + 60_000));
        if (ageMs === undefined) return;
        expect(ageMs).toBeGreaterThanOrEqual(0);
        expect(achievedRpoMs).toBeGreaterThanOrEqual(ageMs);
      }),
    ));

  test('the next one is due so long after the newest', () => {
    expect(nextDue(freshnessOf([at(3 * HOUR)], 4 * HOUR), 2 * HOUR)).toBe(5 * HOUR);
  });
});
