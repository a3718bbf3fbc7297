import { expect, test } from 'vitest';
import { ageText, durationText, lastedText } from './duration.ts';

test('durations that somebody asked for are exact', () => {
  expect(durationText(0)).toBe('0 s');
  expect(durationText(5_400_000)).toBe('1 h 30 min');
  expect(durationText(86_461_001)).toBe('1 d 1 min 1 s 1 ms');
});

test('what has lasted is never said to have lasted longer, and nothing is said to be younger than it is', () => {
  expect([lastedText(0), lastedText(999), lastedText(3_599_999)]).toEqual(['0 s', '0 s', '59 min 59 s']);
  expect([ageText(0), ageText(1), ageText(3_600_001)]).toEqual(['0 s', '1 s', '1 h 1 s']);
});
