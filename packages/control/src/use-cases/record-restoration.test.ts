/** Which statements of restorations are recorded, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal, RestorationEvidence } from '@headgate/domain';
import { aCell, NOON, restoredWell } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import { FOLDS } from '../audit/folds.ts';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryLog, MemoryStore } from '../memory/index.ts';
import { type CellRecord, type RestorationRecord, streams } from '../records.ts';
import { observeCell } from './observe-cell.ts';
import { recordRestoration } from './record-restoration.ts';

const AGENT: Principal = { id: 'agt_one', roles: ['agent'], environments: ['production'] };
const STREAM = streams.restoration('shared');

let store: MemoryStore;
let deps: Deps;
beforeEach(async () => {
  store = new MemoryStore({ clock: () => NOON, log: new MemoryLog(() => NOON) });
  const openRestoration = (restoration: unknown) => ({
    ok: true,
    restoration: restoration as RestorationEvidence,
    signed: { bundle: restoration, also: [] },
  });
  const means = { newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  deps = { store, blobs: new MemoryBlobs(), epoch: 1, trust: { openRestoration } as never, ...means };
  const state = { desired: aCell(), uncertain: false };
  const entries = [{ type: 'cell.adopted', data: {} }];
  const write = { stream: streams.cell('shared'), expected: 0, entries, state, dueAt: null };
  expect(await store.commit({ by: 'sys', writes: [write] })).toEqual({ ok: true });
});

const row = async () => (await store.load([STREAM])).get(STREAM);
const codeOf = async (restoration: RestorationEvidence, principal = AGENT) => {
  const result = await recordRestoration(deps, principal, restoration);
  return result.ok ? 'ok' : result.refusals[0]?.code;
};
const named = (name: string, at: number) => restoredWell(NOON, { at, evidence: digestOfJson(name) });

test('each lands on the log once, also one that comes late or is signed again; the newest is told first', async () => {
  const [first, later, old] = [named('first', NOON - 9), named('later', NOON - 5), named('old', NOON - 7)];
  const signedAgain = { ...old, evidence: digestOfJson('another signature') };
  for (const each of [first, later, later, old, first, signedAgain]) expect(await codeOf(each)).toBe('ok');
  const state = (await row())?.state as RestorationRecord;
  expect(state.lately).toEqual([later, old, first]);
  expect((await row())?.version).toBe(3);
  const entries = [first, later, old].map((data) => ({ type: 'restoration.recorded', data: { ...data } }));
  const sides = await FOLDS.restoration!(entries as never, state as never, deps as never);
  expect(sides.entries).toEqual(sides.row);
});

test('where a store in place has another schema than it should have, the next look says what the cell should be', async () => {
  const cellNow = async () =>
    (await store.load([streams.cell('shared')])).get(streams.cell('shared'))?.state as CellRecord;
  const { schemaVersion } = aCell().stores.main!;
  const back = (version: number, more: Partial<RestorationEvidence> = {}) =>
    restoredWell(NOON, { stores: [{ store: 'main', point: 'rp-1', schemaVersion: version }], ...more });
  // Of one that goes on with the same schema, beside itself, or that was taken back, nothing follows.
  for (const each of [
    back(schemaVersion),
    back(schemaVersion + 1, { kind: 'beside', at: NOON - 2 }),
    back(schemaVersion + 1, { result: 'taken-back', at: NOON - 3 }),
  ]) {
    expect(await codeOf(each)).toBe('ok');
    expect((await cellNow()).uncertain).toBe(false);
  }
  expect(await codeOf(back(schemaVersion + 1, { at: NOON - 4 }))).toBe('ok');
  expect((await cellNow()).uncertain).toBe(true);
  const seen = { ...aCell(), stores: { ...aCell().stores, main: { schemaVersion: schemaVersion + 1 } } };
  expect(await observeCell(deps, AGENT, seen)).toMatchObject({ ok: true });
  expect(await cellNow()).toMatchObject({
    uncertain: false,
    desired: { stores: { main: { schemaVersion: schemaVersion + 1 } } },
  });
  // Told again or late, one from before that look says nothing of how it is now.
  expect(await codeOf(back(schemaVersion + 2, { at: NOON - 5 }))).toBe('ok');
  expect((await cellNow()).uncertain).toBe(false);
});

test('of a cell the last twenty are told, however many there were', async () => {
  for (let n = 30; n > 0; n--) expect(await codeOf(named(`${n}`, NOON - n))).toBe('ok');
  const { state } = (await row())!;
  expect((state as RestorationRecord).lately.map(({ at }) => at)).toEqual(
    Array.from({ length: 20 }, (_, i) => NOON - 1 - i),
  );
});

test.each<[string, string, Partial<RestorationEvidence>, Principal?]>([
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
  expect(await codeOf(restoredWell(NOON, more), principal)).toBe(code);
  expect(await row()).toBeUndefined();
});
