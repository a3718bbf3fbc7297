/** Which drill counts, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { DrillEvidence, Principal } from '@headgate/domain';
import { aCell, NOON, soundDrill } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { type DrillRecord, streams } from '../records.ts';
import { recordDrill } from './record-drill.ts';

const AGENT: Principal = { id: 'agt_one', roles: ['agent'], environments: ['production'] };
const STREAM = streams.drill('shared', 'main');

let store: MemoryStore;
let deps: Deps;
beforeEach(async () => {
  store = new MemoryStore({ clock: () => NOON, log: new MemoryLog(() => NOON) });
  const trust = {
    openDrill: (drill: unknown) => ({ ok: true, drill: drill as DrillEvidence, signed: { bundle: drill, also: [] } }),
  } as never;
  const means = { newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  deps = { store, blobs: new MemoryBlobs(), epoch: 1, trust, ...means };
  const state = { desired: aCell(), uncertain: false };
  const write = {
    stream: streams.cell('shared'),
    expected: 0,
    entries: [{ type: 'cell.adopted', data: {} }],
    state,
    dueAt: null,
  };
  expect(await store.commit({ by: 'sys', writes: [write] })).toEqual({ ok: true });
});

const last = async () => ((await store.load([STREAM])).get(STREAM)?.state as DrillRecord | undefined)?.last;
const codeOf = async (drill: DrillEvidence, principal = AGENT) => {
  const result = await recordDrill(deps, principal, drill);
  return result.ok ? 'ok' : result.refusals[0]?.code;
};
const named = (name: string, at: number) => soundDrill(NOON, { at, evidence: digestOfJson(name) });

test('the last one of a store counts; an older one, and the same one twice, change nothing', async () => {
  const [first, later, old] = [named('first', NOON - 9), named('later', NOON - 5), named('old', NOON - 7)];
  for (const drill of [first, later, later, old]) expect(await codeOf(drill)).toBe('ok');
  expect(await last()).toEqual(later);
  expect((await store.load([STREAM])).get(STREAM)?.version).toBe(2);
});

test('a bad one counts as well as a good one', async () => {
  expect(await codeOf(named('good', NOON - 9))).toBe('ok');
  const bad = { ...named('bad', NOON - 8), ok: false, because: ['it broke off'] };
  expect(await codeOf(bad)).toBe('ok');
  expect(await last()).toEqual(bad);
});

test.each<[string, string, Partial<DrillEvidence>, Principal?]>([
  ['of a cell that nobody knows', 'not-found', { cell: 'nowhere' }],
  [
    'that calls the cell another environment’s',
    'not-yours',
    { environment: 'staging' },
    { ...AGENT, environments: ['staging'] },
  ],
  ['from another environment’s agent', 'not-yours', {}, { ...AGENT, environments: ['staging'] }],
  ['from somebody who may not', 'not-permitted', {}, { id: 'usr_1', roles: ['developer'] }],
  ['that is dated ahead of now', 'ahead-of-now', { at: NOON + 61_000 }],
])('one %s is refused', async (_, code, more, principal) => {
  expect(await codeOf(soundDrill(NOON, more), principal)).toBe(code);
  expect(await last()).toBeUndefined();
});
