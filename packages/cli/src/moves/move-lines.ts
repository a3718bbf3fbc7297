import type { Move } from '@headgate/contract';
import { printable } from '../output.ts';

const SIGNS = { agrees: 'agrees', differs: 'DIFFERS', 'not-known': 'not known' } as const;

/** Data that is written in two places, a line a move, under a heading; nothing where none is. */
export function moveBlock(moves: readonly Move[] = []): readonly string[] {
  if (moves.length === 0) return [];
  return [
    '',
    'WHAT IS WRITTEN IN TWO PLACES',
    ...moves.map(({ cell, store, name, state, words }) =>
      printable(`${cell}/${store}  ${name}  ${SIGNS[state]}: ${words}`),
    ),
  ];
}
