import { MINUTE_MS, movedCompared, NOON, soundMove } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { moveState, moveText, type SeenMove } from './moved-data.ts';

const { last: _, ...never } = soundMove();
const differs = movedCompared({ differences: { ...movedCompared().differences, missingInNew: 2 } });
const left = { ageMs: MINUTE_MS, gapMs: 20_000, versions: ['1.6.0'] };

test.each<[string, SeenMove, string, string]>([
  [
    'agrees',
    soundMove(),
    'agrees',
    '1,204 rows in the old place, 1,204 in the new one; compared 1 min 4 s ago while 1.5.0 ran',
  ],
  [
    'differs',
    soundMove(NOON, { last: differs }),
    'differs',
    '2 missing in the new place; compared 1 min 4 s ago while 1.5.0 ran',
  ],
  [
    'is past, once something else runs',
    soundMove(NOON, { left, runs: ['1.6.0'] }),
    'agrees',
    '1,204 rows in the old place, 1,204 in the new one; compared 1 min 4 s ago while 1.5.0 ran; since then 1.6.0 runs, which doesn’t write both',
  ],
  [
    'was compared before something ran that writes one place alone, and not since',
    soundMove(NOON, { left: { ...left, versions: ['1.5.0', '1.6.0'] }, last: movedCompared({ current: false }) }),
    'not-known',
    '1,204 rows in the old place, 1,204 in the new one; compared 1 min 4 s ago while 1.5.0 ran; since then 1.6.0 ran, which doesn’t write both, and both weren’t compared anew',
  ],
  ['wasn’t compared', { ...never, runs: ['1.4.0'] }, 'not-known', 'not compared yet, 1.4.0 runs'],
  [
    'couldn’t be compared',
    { ...never, why: 'permission denied' },
    'not-known',
    'not compared yet, 1.5.0 runs; it couldn’t be compared since: permission denied',
  ],
  [
    'changed since',
    soundMove(NOON, { last: movedCompared({ current: false }) }),
    'not-known',
    '1,204 rows in the old place, 1,204 in the new one; compared 1 min 4 s ago while 1.5.0 ran; what runs changed since',
  ],
])('how a move stands is said in a line: it %s', (_rule, seen, state, words) => {
  expect(moveState(seen, NOON)).toBe(state);
  expect(moveText(seen, NOON)).toBe(words);
});

test('what was told long ago says nothing of now', () => {
  const seen = soundMove(NOON, { at: NOON - MINUTE_MS - 1 });
  expect(moveState(seen, NOON)).toBe('not-known');
  expect(moveText(seen, NOON)).toMatch(/^nobody has told of it for 1 min 1 s; /);
  expect(moveState(soundMove(NOON, { at: NOON + 2 * MINUTE_MS }), NOON)).toBe('not-known');
});
