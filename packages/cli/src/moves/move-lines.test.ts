import { expect, test } from 'vitest';
import { moveBlock } from './move-lines.ts';

const move = { cell: 'live', store: 'main', name: 'invoice-net', state: 'differs', words: '2 missing' } as never;

test('a move is a line, and nothing is said where there is none', () => {
  expect(moveBlock([move])).toEqual([
    '',
    'WHAT IS WRITTEN IN TWO PLACES',
    'live/main  invoice-net  DIFFERS: 2 missing',
  ]);
  expect(moveBlock([])).toEqual([]);
  // An older server doesn't say.
  expect(moveBlock(undefined)).toEqual([]);
});
