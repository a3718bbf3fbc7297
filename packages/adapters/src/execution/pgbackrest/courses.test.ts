/** Which course of a store's log a moment is on, and which backups the log goes on from. */
import { expect, test } from 'vitest';
import { courseAt, isOnLine } from './courses.ts';

const S = 1_000;
const first = { timeline: 1, firstAt: 10 * S, lastAt: 100 * S };
const second = { timeline: 2, firstAt: 130 * S, lastAt: 200 * S };
const fourth = { timeline: 4, firstAt: 240 * S, lastAt: 300 * S };
const courses = { courses: [first, second, fourth], newest: 4 };

test.for<[number, object]>([
  // Before anything that is kept of it.
  [5 * S, { timeline: 1 }],
  [99 * S, { timeline: 1 }],
  // It came there up to a second before or after that: what else was committed in it nobody knows.
  [99 * S + 1, { after: 99 * S, until: 131 * S }],
  [130 * S + 999, { after: 99 * S, until: 131 * S }],
  [131 * S, { timeline: 2 }],
  [199 * S, { timeline: 2 }],
  [220 * S, { after: 199 * S, until: 241 * S }],
  [241 * S, { timeline: 4 }],
  // The newest goes on.
  [900 * S, { timeline: 4 }],
])('a moment is on the course that was in force then, or on none that is known: %i', ([at, found]) => {
  expect(courseAt(at, courses)).toEqual(found);
});

test('of a course that began, and of which nothing came to the repository yet, no moment is known', () => {
  const begun = { courses: [first], newest: 2 };
  expect(courseAt(90 * S, begun)).toEqual({ timeline: 1 });
  expect(courseAt(101 * S, begun)).toEqual({ after: 99 * S, until: undefined });
  expect(courseAt(90 * S, { courses: [], newest: 1 })).toEqual({ timeline: 1 });
});

const backup = (segment: string, stop: string) => ({
  archive: { start: segment, stop: segment },
  lsn: { start: '0/1', stop },
});

test('the log goes on from a backup of its own timeline, and of one that was left after it', () => {
  const line = { timeline: 3, ancestors: [{ parent: 1, at: '0/8000000' }] };
  expect(isOnLine(backup('000000030000000000000009', '0/9000100'), line)).toBe(true);
  expect(isOnLine(backup('000000010000000000000007', '0/7000100'), line)).toBe(true);
  expect(isOnLine(backup('000000010000000000000009', '0/9000100'), line)).toBe(false);
  expect(isOnLine(backup('000000020000000000000007', '0/7000100'), line)).toBe(false);
});
