import { aCell, aManifest, aMigration, aRelease, aRequest } from '@headgate/testkit/domain/builders';
import { describe, expect, test } from 'vitest';
import type { CellState } from '../model/cell.ts';
import { type PlanRequest, planPromotion } from './planner.ts';

/** Code that runs on both sides of the contract that leads to 2. */
const tolerant = { min: 1, max: 2 };
const old = { min: 1, max: 1 };
const contract = aManifest({
  schemaRange: { min: 1, max: 2 },
  migrations: [aMigration(1, { phase: 'contract', undo: 'restore' })],
});
const withSlot = (slots: CellState['slots']): CellState => {
  const cell = aCell({ schemaRange: tolerant });
  return { ...cell, slots: { ...cell.slots, ...slots } };
};
const third = withSlot({ grey: { release: aRelease('0.9.0'), schemaRange: old } });

describe('a contract migration waits for all that uses what it removes', () => {
  test.each<[string, Partial<PlanRequest>, string | undefined]>([
    ['goes when all that runs can do without', { cells: [aCell({ schemaRange: tolerant })] }, undefined],
    ['the code before can’t', { cells: [aCell({ schemaRange: old })] }, 'schema-range'],
    ['code that is kept in another slot can’t', { cells: [third] }, 'contract-too-early'],
    [
      'what the plan clears doesn’t count',
      { cells: [aCell({ schemaRange: tolerant, green: aRelease('0.9.0') })] },
      undefined,
    ],
    [
      'nobody knows what another slot runs on',
      { cells: [withSlot({ grey: { release: aRelease('0.9.0') } })] },
      'unknown-schema-range',
    ],
    [
      'an agent saw something older than is desired',
      { cells: [aCell({ schemaRange: tolerant })], observed: new Map([['shared', third]]) },
      'contract-too-early',
    ],
    [
      'an open undo leads back to it',
      {
        cells: [aCell({ schemaRange: tolerant })],
        waysBack: [
          { cell: 'shared', kind: 'way-back', name: 'the undo of promotion prm_7', version: '0.9.0', range: old },
        ],
      },
      'contract-too-early',
    ],
    [
      'an open undo elsewhere doesn’t matter',
      {
        cells: [aCell({ schemaRange: tolerant })],
        waysBack: [
          { cell: 'other', kind: 'way-back', name: 'the undo of promotion prm_7', version: '0.9.0', range: old },
        ],
      },
      undefined,
    ],
    [
      'a watch may yet lead back to it',
      {
        cells: [aCell({ schemaRange: tolerant })],
        waysBack: [
          { cell: 'shared', kind: 'watch', name: 'the watch over promotion prm_7', version: '0.9.0', range: old },
        ],
      },
      'contract-too-early',
    ],
    [
      'nobody knows what the undo would bring back',
      {
        cells: [aCell({ schemaRange: tolerant })],
        waysBack: [{ cell: 'shared', kind: 'way-back', name: 'the undo of promotion prm_7', version: '0.9.0' }],
      },
      'unknown-schema-range',
    ],
  ])('%s', (_what, more, code) => {
    const planned = planPromotion(aRequest({ manifest: contract, ...more }));
    expect(planned.ok ? undefined : planned.refusals.map((each) => each.code)).toEqual(code && [code]);
  });

  test('the words name who, what, and what would unblock it', () => {
    const removes = new Map([[2, ['public.invoice.note']]]);
    const range = old;
    const waysBack = [
      { cell: 'shared', kind: 'watch', name: 'the watch over promotion prm_7', version: '0.9.0', range },
    ] as const;
    const planned = planPromotion(aRequest({ manifest: contract, cells: [third], removes, waysBack }));
    expect(planned).toMatchObject({
      ok: false,
      refusals: [
        {
          why: expect.stringMatching(
            /shared\/grey runs 0\.9\.0 \(schema 1 to 1\); the watch over promotion prm_7 would bring back 0\.9\.0 .* which lacks public\.invoice\.note/,
          ),
          unblock: expect.stringMatching(
            /empty it; wait for the end of the watch over promotion prm_7; or promote a release before that doesn’t use public\.invoice\.note, /,
          ),
        },
      ],
    });
  });

  test('an expansion waits for none of them', () => {
    const cells = [third];
    expect(planPromotion(aRequest({ cells })).ok).toBe(true);
  });
});
