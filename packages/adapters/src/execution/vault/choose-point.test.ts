import { expect, test } from 'vitest';
import { newestOf } from './choose-point.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;
const at = (hours: number, readable = true) => {
  const takenAt = NOW + hours * HOUR_MS;
  const time = new Date(takenAt)
    .toISOString()
    .toLowerCase()
    .replace(/[-:]|\.\d+/g, '');
  return { id: `rp-${time}-aaaaaa`, takenAt, readable, ...(!readable && { why: 'a part of it is gone' }) };
};

test('a restore point that is dated ahead of now isn’t the newest while there is another', () => {
  expect(newestOf([at(48), at(24), at(-1), at(-2)], NOW)).toBe(at(-1).id);
  // Clocks differ by a little.
  expect(newestOf([at(1 / 120), at(-1)], NOW)).toBe(at(1 / 120).id);
});

test('where all are, none is taken, and it says what helps', () => {
  expect(newestOf([at(48), at(24)], NOW)).toEqual({
    why: expect.stringMatching(/^rp-20261124t120000z-aaaaaa is dated ahead of now, 2026-11-24T12:00:00.000Z, .* --id$/),
  });
  expect(newestOf([], NOW)).toBeUndefined();
});

test('one that isn’t right and newer isn’t passed over', () => {
  expect(newestOf([at(-1, false), at(-2)], NOW)).toEqual({ why: expect.stringContaining('a part of it is gone') });
  expect(newestOf([at(-1), at(-2, false)], NOW)).toBe(at(-1).id);
});
