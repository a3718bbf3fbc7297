import type { Recoverability } from '@headgate/contract';

const SIGNS = { missed: 'NOT WITHIN', 'not-known': 'NOT KNOWN', unasked: 'no targets', met: 'within' } as const;

/** What could be brought back of the stores that a promotion touches, a line each; nothing where an older server doesn't say. */
export function recoverabilityLines(stated: Recoverability | undefined): readonly string[] {
  if (stated === undefined) return [];
  const { stores, left } = stated;
  return [
    ...stores.map(({ cell, store, standing, because, words, alike }) => {
      const more = alike === 0 ? '' : ` and ${alike} more`;
      const why = because === '' || words.includes(because) ? '' : `${because}; `;
      return `could be brought back, ${cell}/${store}${more}: ${SIGNS[standing]}: ${why}${words.join('; ')}`;
    }),
    ...(left === 0 ? [] : [`and ${left} more ${left === 1 ? 'store' : 'stores'}, none worse`]),
  ];
}
