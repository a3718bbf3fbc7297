import type { Standby } from '@headgate/contract';
import { expect, test } from 'vitest';
import { standbyFindings } from '../doctor/standbys-check.ts';
import { standbyBlock } from './standby-lines.ts';

const standby = (more: Partial<Standby> = {}): Standby => ({
  ...{ cell: 'live', store: 'main', name: 'second', standing: 'following', at: 0, state: 'ready' },
  ...{ words: 'has all that was written, seen 4 s ago', mend: '' },
  ...more,
});
const promoted = standby({
  ...{ name: 'third', standing: 'promoted', state: 'not-ready' },
  ...{ words: 'it was promoted, seen 4 s ago', mend: 'make third anew' },
});
const away = standby({
  ...{ name: 'fourth', state: 'unseen', words: 'seen 2 h ago', mend: 'see that the agent runs' },
});

test('each standby is a line, with what mends it below', () => {
  expect(standbyBlock([promoted, standby()])).toEqual([
    '',
    'WHERE ONE COULD FAIL OVER TO',
    'live/main  third  NOT READY: it was promoted, seen 4 s ago',
    '  to mend: make third anew',
    'live/main  second  ready: has all that was written, seen 4 s ago',
  ]);
});

test('where none is known of, and of a server that doesn’t say, there is no heading', () => {
  expect(standbyBlock([])).toEqual([]);
  expect(standbyBlock(undefined)).toEqual([]);
});

test('doctor finds wrong what isn’t ready, unknown what nobody saw, and says so when all are', () => {
  expect(standbyFindings([standby(), promoted, away])).toMatchObject([
    { verdict: 'wrong', why: 'third, standby of live/main: it was promoted, seen 4 s ago', mend: 'make third anew' },
    { verdict: 'unknown', why: expect.stringContaining('seen 2 h ago') },
  ]);
  expect(standbyFindings([standby()])).toMatchObject([
    { verdict: 'ok', why: '1 standby replays what its primary writes' },
  ]);
  expect(standbyFindings([])).toEqual([]);
});
