import type { UndoneAway } from '@headgate/domain';
import { expect, test } from 'vitest';
import { foldJournal, type JournalEntry, type Undoing } from './journal.ts';
import { tellUndone } from './tell.ts';

const done = { id: 'undo.verify', result: { routed: 1, checks: { passed: 1, failed: 0 } } };
const at = '2026-01-01T00:00:00.000Z';
const entries = [
  {
    ...{ type: 'begun', at, id: 'u1', cell: 'c', rollout: 'p.c', promotion: 'p', plan: `sha256:${'a'.repeat(64)}` },
    ...{ begun: 3, scope: { kind: 'all', wave: 1 }, by: 'usr_op', because: 'it hurts', since: at },
  },
  { type: 'step-begun', at, id: 'u1', step: done.id, epoch: 1, n: 7 },
  { type: 'step-ended', at, id: 'u1', step: done.id, outcome: { kind: 'done', result: done.result } },
  { type: 'finished', at, id: 'u1' },
] as readonly JournalEntry[];

test('a server that can’t take what was reported is told at least that it was undone', async () => {
  const heard: UndoneAway[] = [];
  const noted: JournalEntry[] = [];
  const journal = {
    all: foldJournal(entries),
    note: async (entry: JournalEntry) => {
      noted.push(entry);
      return foldJournal(entries).get('u1') as Undoing;
    },
  };
  const undone = async (_: string, told: UndoneAway) => {
    heard.push(told);
    return JSON.stringify(told).includes('checks') ? 'refused: the entry is too large' : 'taken-up';
  };
  const log = { info: () => {}, error: () => {} } as never;
  await tellUndone({ undone }, journal, log);
  expect(heard.map(({ steps }) => steps)).toEqual([[done], [{ id: 'undo.verify', result: { routed: 1 } }]]);
  expect(noted).toMatchObject([{ type: 'told', answer: 'taken-up' }]);
});
