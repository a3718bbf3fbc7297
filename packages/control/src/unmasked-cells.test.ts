import { aPlan } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { MemoryLog, MemoryStore } from './memory/index.ts';
import type { Row } from './ports/store.ts';
import { streams } from './records.ts';
import { unmaskedCells } from './unmasked-cells.ts';

const plan = aPlan();
const cell = plan.cells[0]!;
const stream = streams.cell(cell.cell);
const copy = { of: 'rp-1', maskedBy: `sha256:${'ab'.repeat(32)}`, leaks: 0 };
const stores = (more: object) =>
  Object.fromEntries(Object.entries(cell.base.stores).map(([name, store]) => [name, { ...store, ...more }]));

/** What is said of one cell that was seen so long ago, under a policy that asks for masked copies, or doesn't. */
async function judged(agoMs: number, more: object, maskedCopies = 'required') {
  const [now, log] = [1_000_000_000, new MemoryLog(() => 1_000_000_000)];
  const store = new MemoryStore({ clock: () => now, log });
  const state = {
    uncertain: false,
    observed: { state: { ...cell.base, stores: stores(more) }, at: now - agoMs, by: 'a' },
  };
  const entries = [{ type: 'cell.observed', data: {} }];
  await store.commit({ by: 'a', writes: [{ stream, expected: 0, entries, state, dueAt: null }] });
  const row = (name: string, spec: object): [string, Row] => [
    name,
    { stream: name, version: 1, state: { spec }, dueAt: null },
  ];
  const rows = new Map([
    row(streams.document('Environment', plan.environment), { policy: 'masked' }),
    row(streams.document('Policy', 'masked'), { maskedCopies }),
  ]);
  const { refusals, reads } = await unmaskedCells(store, { ...plan, cells: [cell] }, rows, now);
  return { codes: [...new Set(refusals.map(({ code }) => code))], reads };
}

test('a plan’s stores are judged as they were seen lately, on the rows that say so; without such a policy not at all', async () => {
  const reads = [{ stream, version: 1 }];
  expect(await judged(300_000, { copy })).toEqual({ codes: [], reads });
  expect(await judged(0, {})).toEqual({ codes: ['copy-unmarked'], reads });
  expect(await judged(361_000, { copy })).toEqual({ codes: ['stale-observation'], reads });
  expect(await judged(361_000, {}, 'not-required')).toEqual({ codes: [], reads: [] });
});
