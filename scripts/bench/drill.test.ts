import type { DrillFacts } from '@headgate/domain';
import { expect, test } from 'vitest';
import { figuresOf } from './drill.ts';

const facts: DrillFacts = {
  from: { environment: 'bench', cell: 'bench', store: 'main' },
  startedAt: 100_000,
  at: 150_000,
  point: {
    ...{ id: 'rp-1', takenAt: 90_000, sealedAt: 95_000, manifest: `sha256:${'a'.repeat(64)}`, schemaVersion: 0 },
    ...{ form: 'physical', major: 15, bytes: 1, files: 1 },
  },
  wal: { segments: 3, reachedAt: 95_000, sealedAt: 96_000, everyMs: 29_000, lsn: '0/3000000', replayed: true },
  took: { fetchedMs: 1_000, restoredMs: 2_000, firstTransactionMs: 20_000, comparedMs: 30_000, checkedMs: 40_000 },
  schemaVersion: 0,
  census: { tables: 1, rows: 1, differences: [], unsettled: [] },
  files: { compared: 0, wrong: [] },
  amcheck: { problems: [] },
  transactions: {},
};
const round = (more: Partial<DrillFacts> = {}): DrillFacts => ({ ...facts, ...more });
const values = (rounds: readonly DrillFacts[]) => figuresOf(rounds).map(({ value, ok }) => [value, ok]);

test('drills are measured to the first business transaction, and what is lost until the next round of the log lies there', () => {
  expect(values([round(), round(), round({ startedAt: 190_000 })])).toEqual([
    [20, true],
    [30, true],
  ]);
  const slow = { took: { ...facts.took, firstTransactionMs: 60_001 } };
  expect(values([round({ ...slow, startedAt: 155_001 })])).toEqual([
    [60, false],
    [60, false],
  ]);
});

test.each<[string, Partial<DrillFacts>]>([
  ['came back without the end of its log', { wal: { ...facts.wal!, replayed: false } }],
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
