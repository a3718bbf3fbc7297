import type { Standby } from '@headgate/contract';
import { printable } from '../output.ts';

const SIGNS = { ready: 'ready', 'not-ready': 'NOT READY', unseen: 'not known' } as const;

/** Where one could fail over to, a line a standby, under a heading; nothing where none is known of. */
export function standbyBlock(standbys: readonly Standby[] = []): readonly string[] {
  if (standbys.length === 0) return [];
  return [
    '',
    'WHERE ONE COULD FAIL OVER TO',
    ...standbys.flatMap(({ cell, store, name, state, words, mend }) => [
      printable(`${cell}/${store}  ${name}  ${SIGNS[state]}: ${words}`),
      ...(mend === '' ? [] : [printable(`  to mend: ${mend}`)]),
    ]),
  ];
}
