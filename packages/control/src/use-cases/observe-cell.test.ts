/** What an observation settles, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal } from '@headgate/domain';
import { aCell } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import type { Write } from '../ports/store.ts';
import { type CellRecord, streams } from '../records.ts';
import { observeCell } from './observe-cell.ts';

const AGENT: Principal = { id: 'agt_one', roles: ['agent'], environments: ['production'] };
const CELL = aCell();

test('settles an uncertain cell when nobody may still be at work there: neither an agent nor a rollout', async () => {
  let now = Date.UTC(2026, 2, 2, 12);
  const store = new MemoryStore({ clock: () => now, log: new MemoryLog(() => now) });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  const state: CellRecord = { desired: CELL, uncertain: true, assigned: 500, restlessUntil: now + 3_000 };
  const entry = { type: 'cell.changed', data: {} };
  const held = { stream: 'rollout/one', entries: [{ type: 'rollout.opened', data: {} }], state: {}, dueAt: null };
  const writes: Write[] = [
    { stream: streams.cell('shared'), expected: 0, entries: [entry], state, dueAt: null },
    { ...held, expected: 0, exclusive: streams.cell('shared') },
  ];
  expect(await store.commit({ by: 'sys', writes })).toEqual({ ok: true });
  const seen = { ...CELL, stores: { main: { schemaVersion: 2 } } };
  const observed = async () => {
    const result = await observeCell(deps, AGENT, seen);
    return result.ok ? [result.value.uncertain, result.value.desired, result.value.assigned] : result.refusals;
  };
  expect(await observed()).toEqual([true, CELL, 500]);
  now += 3_000;
  expect(await observed()).toEqual([true, CELL, 500]);
  await store.commit({ by: 'sys', writes: [{ ...held, expected: 1, exclusive: null }] });
  expect(await observed()).toEqual([false, seen, 500]);
});
