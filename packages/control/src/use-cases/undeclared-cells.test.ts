/** Cells that an agent makes up, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal } from '@headgate/domain';
import { aCell } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryStore } from '../memory/index.ts';
import { streams } from '../records.ts';
import { observeCell } from './observe-cell.ts';
import { MOST_UNDECLARED } from './undeclared-cells.ts';

const agent = (id: string): Principal => ({ id, roles: ['agent'], environments: ['production'] });

let deps: Deps;
beforeEach(() => {
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  deps = { store: new MemoryStore({ clock: () => 1 }), blobs: new MemoryBlobs(), epoch: 1, ...means };
});

const look = async (by: Principal, cell: string) => {
  const seen = await observeCell(deps, by, { ...aCell(), cell });
  return seen.ok ? 'taken' : seen.refusals[0]?.code;
};
const lookAt = async (by: Principal, from: number, count: number) => {
  const answers = [];
  for (let i = from; i < from + count; i++) answers.push(await look(by, `cell-${by.id.slice(4)}-${i}`));
  return answers;
};
const declare = (cell: string) =>
  deps.store.commit({
    by: 'usr',
    writes: [
      {
        stream: streams.document('Cell', cell),
        expected: 0,
        entries: [{ type: 'document.applied', data: {} }],
        state: { kind: 'Cell', name: cell, spec: { environment: 'production' } },
        dueAt: null,
      },
    ],
  });

test('an agent shows so many cells that nobody declared, and the next is refused with what would unblock it', async () => {
  expect(await lookAt(agent('agt_1'), 0, MOST_UNDECLARED)).toEqual(Array(MOST_UNDECLARED).fill('taken'));
  expect(await observeCell(deps, agent('agt_1'), { ...aCell(), cell: 'one-more' })).toMatchObject({
    refusals: [
      {
        code: 'too-many-undeclared',
        where: 'cell/one-more',
        why: 'agt_1 shows 20 cells that are neither declared nor adopted',
        unblock: 'declare this cell (kind Cell), or adopt the others',
      },
    ],
  });
  expect(await look(agent('agt_1'), 'cell-1-3')).toBe('taken');
  expect(await look(agent('agt_2'), 'another-agent-has-its-own')).toBe('taken');
});

test('one that is declared is always taken, and whoever declares the others may show more', async () => {
  await lookAt(agent('agt_1'), 0, MOST_UNDECLARED);
  await declare('declared');
  expect(await look(agent('agt_1'), 'declared')).toBe('taken');
  expect(await look(agent('agt_1'), 'one-more')).toBe('too-many-undeclared');
  await declare('cell-1-7');
  expect(await look(agent('agt_1'), 'one-more')).toBe('taken');
  expect(await look(agent('agt_1'), 'two-more')).toBe('too-many-undeclared');
});

test('however many come at the same moment', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => look(agent('agt_1'), `cell-${i}`)));
  const taken = answers.filter((answer) => answer === 'taken').length;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThanOrEqual(MOST_UNDECLARED);
  expect(await deps.store.list('cell', { limit: 1_000 })).toHaveLength(taken);
});
