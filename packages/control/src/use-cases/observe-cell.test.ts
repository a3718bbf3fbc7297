/** What an observation settles, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { AgentPins, Digest, Principal } from '@headgate/domain';
import { aCell, aPlan } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { inOrder, objectionsTo, toldOf } from '../agent-pins.ts';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import type { Row, Write } from '../ports/store.ts';
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

test('what an agent says that it holds is written down when it changes, in full once, and read from its row alone', async () => {
  let now = Date.UTC(2026, 2, 2, 12);
  const log = new MemoryLog(() => now);
  const store = new MemoryStore({ clock: () => now, log });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  const pins: AgentPins = { policyDigest: digestOfJson('one'), documents: [digestOfJson('b'), digestOfJson('a')] };
  const says = async (told?: AgentPins) => {
    now += 1_000;
    const result = await observeCell(deps, AGENT, CELL, told);
    if (!result.ok) throw new Error(result.refusals[0]?.why);
    return toldOf('shared', result.value)?.pins;
  };
  const entries = async () => {
    const history = await log.history(streams.cell('shared'), 0, 100);
    return history.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString('utf8')).data);
  };
  expect(await says(pins)).toEqual(inOrder(pins));
  // The same, in another order, is no news.
  expect(await says({ ...pins, documents: [...(pins.documents as Digest[])].reverse() })).toEqual(inOrder(pins));
  expect(await entries()).toMatchObject([{ pins: digestOfJson(inOrder(pins)), told: inOrder(pins) }]);
  const other: AgentPins = { documents: 'many', signedApprovals: true };
  expect(await says(other)).toEqual(other);
  now += 400_000;
  expect(await says(other)).toEqual(other);
  // An older agent in its place says nothing, and nothing is known of it.
  expect(await says()).toBeUndefined();
  const [, changed, again, silent, ...more] = await entries();
  expect(changed).toMatchObject({ told: other });
  expect(again).toMatchObject({ pins: digestOfJson(other) });
  expect(again).not.toHaveProperty('told');
  expect(silent).not.toHaveProperty('pins');
  expect(more).toEqual([]);
});

test('of what agents hold, a revoked one’s word doesn’t count', async () => {
  const store = new MemoryStore({ clock: () => 1, log: new MemoryLog(() => 1) });
  const plan = aPlan({ cells: [CELL] });
  const observed = { state: CELL, at: 1, by: AGENT.id, pins: { policyDigest: digestOfJson('another') } };
  const rows = new Map([[streams.cell('shared'), { state: { uncertain: false, observed } } as unknown as Row]]);
  const enrol = (expected: number, revoked: boolean) =>
    store.commit({
      by: 'sys',
      writes: [
        {
          stream: streams.principal(AGENT.id),
          expected,
          entries: [{ type: revoked ? 'principal.revoked' : 'principal.created', data: {} }],
          state: { ...AGENT, tokenHash: '', revoked },
          dueAt: null,
        },
      ],
    });
  const codes = async () => (await objectionsTo(store, plan, rows, undefined)).map(({ code }) => code);
  expect(await codes()).toEqual([]);
  await enrol(0, false);
  expect(await codes()).toEqual(['other-policy']);
  await enrol(1, true);
  expect(await codes()).toEqual([]);
});

test('of two agents that look at one cell by turns the log has a word a minute, and the later one’s counts by then', async () => {
  let now = Date.UTC(2026, 2, 2, 12);
  const log = new MemoryLog(() => now);
  const store = new MemoryStore({ clock: () => now, log });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  const other: Principal = { ...AGENT, id: 'agt_other' };
  const held: AgentPins = { policyDigest: digestOfJson('other') };
  for (let second = 0; second < 100; second += 1) {
    now += 1_000;
    const by = second % 2 === 0 ? AGENT : other;
    expect(await observeCell(deps, by, CELL, by === other ? held : {})).toMatchObject({ ok: true });
  }
  expect((await log.history(streams.cell('shared'), 0, 100)).length).toBe(2);
  const row = (await store.load([streams.cell('shared')])).get(streams.cell('shared')) as Row<CellRecord>;
  expect(row.state.observed).toMatchObject({ by: other.id, pins: held });
});

test('takes the rings of the cell’s file, which count, at once and on the log, once no rollout holds the cell', async () => {
  const now = Date.UTC(2026, 2, 2, 12);
  const log = new MemoryLog(() => now);
  const store = new MemoryStore({ clock: () => now, log });
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  const deps: Deps = { store, blobs: new MemoryBlobs(), epoch: 1, ...means };
  const held = { stream: 'rollout/one', entries: [{ type: 'rollout.opened', data: {} }], state: {}, dueAt: null };
  const cell = { stream: streams.cell('shared'), entries: [{ type: 'cell.adopted', data: {} }], dueAt: null };
  const writes: Write[] = [
    { ...cell, expected: 0, state: { desired: CELL, uncertain: false } },
    { ...held, expected: 0, exclusive: streams.cell('shared') },
  ];
  expect(await store.commit({ by: 'sys', writes })).toEqual({ ok: true });
  const tenants = { ...CELL.tenants, ada: { ...CELL.tenants.ada!, ring: 'broad', slot: 'green' } };
  const ada = async () => {
    const result = await observeCell(deps, AGENT, { ...CELL, tenants });
    return result.ok ? result.value.desired?.tenants.ada : result.refusals;
  };
  expect(await ada()).toEqual(CELL.tenants.ada);
  await store.commit({ by: 'sys', writes: [{ ...held, expected: 1, exclusive: null }] });
  // Its ring alone: which slot serves it is no rule of a file.
  expect(await ada()).toEqual({ ...CELL.tenants.ada, ring: 'broad' });
  const last = (await log.history(streams.cell('shared'), 0, 100)).at(-1);
  expect(JSON.parse(Buffer.from(last!.bytes).toString('utf8')).data).toMatchObject({ rings: ['ada'], settles: false });
});
