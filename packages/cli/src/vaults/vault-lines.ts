import type { Vault } from '@headgate/contract';
import { printable } from '../output.ts';

const SIGNS = {
  'half-way': 'HALF WAY',
  none: 'NOTHING',
  gap: 'GAP',
  exposed: 'TOO LONG AGO',
  unseen: 'not known',
  kept: 'kept',
} as const;

/** So many stores with which nothing is wrong are told one by one. */
const MOST_KEPT = 10;

/** What could be brought back if a store were lost now, a line a store, under a heading; nothing where no agent tells of a vault. */
export function vaultBlock(vaults: readonly Vault[] = []): readonly string[] {
  if (vaults.length === 0) return [];
  const kept = vaults.filter(({ state }) => state === 'kept');
  const left = kept.slice(MOST_KEPT).length;
  const told = vaults.filter((each) => each.state !== 'kept' || kept.indexOf(each) < MOST_KEPT);
  return [
    '',
    'WHAT COULD BE BROUGHT BACK',
    ...told.flatMap(({ cell, store, state, words, mend }) => [
      printable(`${cell}/${store}  ${SIGNS[state]}: ${words}`),
      ...(mend === '' ? [] : [printable(`  to mend: ${mend}`)]),
    ]),
    ...(left === 0 ? [] : [`and ${left} more with which nothing is wrong`]),
  ];
}
