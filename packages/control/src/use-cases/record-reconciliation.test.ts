/** Which statements of compensation plans are recorded, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal, ReconciledEvidence } from '@headgate/domain';
import { aCell, NOON, reconciledWell } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import { FOLDS } from '../audit/folds.ts';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { type ReconciliationRecord, streams } from '../records.ts';
import { recordReconciliation } from './record-reconciliation.ts';

const AGENT: Principal = { id: 'agt_one', roles: ['agent'], environments: ['production'] };
const STREAM = streams.reconciliation('shared', 'main');

let store: MemoryStore;
let log: MemoryLog;
let deps: Deps;
beforeEach(async () => {
  log = new MemoryLog(() => NOON);
  store = new MemoryStore({ clock: () => NOON, log });
  const openReconciled = (reconciled: unknown) => ({
    ok: true,
    reconciled: reconciled as ReconciledEvidence,
    signed: { bundle: reconciled, also: [] },
  });
  const means = { newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  deps = { store, blobs: new MemoryBlobs(), epoch: 1, trust: { openReconciled } as never, ...means };
  const state = { desired: aCell(), uncertain: false };
  const entries = [{ type: 'cell.adopted', data: {} }];
  const write = { stream: streams.cell('shared'), expected: 0, entries, state, dueAt: null };
  expect(await store.commit({ by: 'sys', writes: [write] })).toEqual({ ok: true });
});

const row = async () => (await store.load([STREAM])).get(STREAM);
const codeOf = async (reconciled: ReconciledEvidence, principal = AGENT) => {
  const result = await recordReconciliation(deps, principal, reconciled);
  return result.ok ? 'ok' : result.refusals[0]?.code;
};
const named = (name: string, at: number) => reconciledWell(NOON, { at, evidence: digestOfJson(name) });

test('each lands on the log once, also one that comes late; the newest is told of the store', async () => {
  const [first, later, old] = [named('first', NOON - 9), named('later', NOON - 5), named('old', NOON - 7)];
  for (const each of [first, later, later, old, first, old]) expect(await codeOf(each)).toBe('ok');
  const state = (await row())?.state as ReconciliationRecord;
  expect(state.last).toEqual(later);
  expect(state.recorded).toEqual([first, later, old].map(({ evidence }) => evidence));
  expect((await row())?.version).toBe(3);
  const entries = [first, later, old].map((data) => ({ type: 'reconciliation.recorded', data: { ...data } }));
  const sides = await FOLDS.reconciliation!(entries as never, state as never, {} as never);
  expect(sides.entries).toEqual(sides.row);
});

test.each<[string, string, Partial<ReconciledEvidence>, Principal?]>([
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
  expect(await codeOf(reconciledWell(NOON, more), principal)).toBe(code);
  expect(await row()).toBeUndefined();
});
