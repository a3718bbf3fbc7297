import type { DrillFacts } from '@headgate/domain';
import { expect, test } from 'vitest';
import { type DrillRound, figuresOf } from './drill.ts';

const facts: DrillFacts = {
  from: { environment: 'bench', cell: 'bench', store: 'main' },
  startedAt: 100_000,
  at: 150_000,
  point: {
    ...{ id: 'rp-1', takenAt: 90_000, sealedAt: 95_000, manifest: `sha256:${'a'.repeat(64)}`, schemaVersion: 0 },
    ...{ form: 'physical', major: 15, bytes: 1, files: 1 },
  },
  took: { fetchedMs: 1_000, restoredMs: 2_000, firstTransactionMs: 20_000, comparedMs: 30_000, checkedMs: 40_000 },
  schemaVersion: 0,
  census: { tables: 1, rows: 1, differences: [], unsettled: [] },
  files: { compared: 0, wrong: [] },
  amcheck: { problems: [] },
  transactions: {},
};
const round = (more: Partial<DrillFacts> = {}, lost = 30_000): DrillRound => ({
  ...{ facts: { ...facts, ...more }, takenAt: 60_000, nextSealedAt: 60_000 + lost },
});
const values = (rounds: readonly DrillRound[]) => figuresOf(rounds).map(({ value, ok }) => [value, ok]);

test('drills are measured to the first business transaction, and what is lost until the next restore point is sealed', () => {
  expect(values([round(), round(), round({}, 90_000)])).toEqual([
    [20, true],
    [30, true],
  ]);
  const slow = { took: { ...facts.took, firstTransactionMs: 60_001 } };
  expect(values([round(slow, 60_001)])).toEqual([
    [60, false],
    [60, false],
  ]);
});

test.each<[string, Partial<DrillFacts>]>([
  ['broke off', { ended: 'the vault went away' }],
  ['wasn’t checked', { amcheck: undefined } as never],
  ['ran no business transaction', { transactions: undefined, took: { comparedMs: 1_000 } } as never],
  [
    'found a row missing',
    { census: { ...facts.census!, differences: [{ relation: 't', kind: 'gone', promised: 1 }] } },
  ],
])('one that %s is no measure, whatever the others are', (_, more) => {
  expect(values([round(), round(more), round()])).toEqual([
    [null, false],
    [null, false],
  ]);
});
