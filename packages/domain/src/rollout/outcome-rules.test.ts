import { aPlan, aRelease, digestOf, NOON, soundOutcome } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import type { StepResult } from '../model/outcome.ts';
import type { Action } from '../plan/plan.ts';
import { provenOutcome } from './outcome-rules.ts';

const tenants = ['ada', 'bob'];
const doc = { name: 'd', digest: digestOf('d') };
const ACTIONS: Readonly<Record<string, Action>> = {
  'restore-point': { kind: 'restore-point', store: 'main' },
  migrate: { kind: 'migrate', store: 'main', from: 1, to: 2, migrations: [] },
  unmigrate: { kind: 'unmigrate', store: 'main', from: 2, to: 1, migrations: [] },
  restore: { kind: 'restore', store: 'main', to: 1 },
  deploy: { kind: 'deploy', slot: 'green', release: aRelease() },
  route: { kind: 'route', tenants, slot: 'green' },
  verify: { kind: 'verify', tenants, slot: 'green', verification: doc },
  soak: { kind: 'soak', tenants, slot: 'green', verification: doc, durationMs: 1 },
  reconcile: { kind: 'reconcile', store: 'main', tenants, reconciliation: doc },
  retire: { kind: 'retire', slot: 'green' },
};
const point = { id: 'rp', store: 'main', takenAt: NOON, manifest: digestOf('rp'), bytes: 1, verified: true };
const recon = { compared: 1, replayed: 0, acknowledged: 0, asked: 0, agrees: true };

test.each(Object.keys(ACTIONS))('%s is done when it brings back the reading that proves it', (kind) => {
  const outcome = soundOutcome(ACTIONS[kind] as Action, NOON);
  expect(provenOutcome(ACTIONS[kind] as Action, outcome)).toBe(outcome);
});

test.each<[kind: string, lack: string, result: StepResult, code: string]>([
  ['restore-point', 'nothing', {}, 'rejected'],
  ['restore-point', "another store's point", { restorePoint: { ...point, store: 'side' } }, 'rejected'],
  ['restore-point', 'a point that was not read back', { restorePoint: { ...point, verified: false } }, 'rejected'],
  ['migrate', 'nothing', {}, 'rejected'],
  ['migrate', 'another schema', { schemaVersion: 1 }, 'rejected'],
  ['unmigrate', 'another schema', { schemaVersion: 2 }, 'rejected'],
  ['restore', 'another schema', { schemaVersion: 2 }, 'rejected'],
  ['route', 'nothing', {}, 'rejected'],
  ['route', 'fewer tenants', { routed: 1 }, 'rejected'],
  ['verify', 'nothing', {}, 'check-failed'],
  ['verify', 'no check', { checks: { passed: 0, failed: 0 } }, 'check-failed'],
  ['verify', 'a failed check', { checks: { passed: 9, failed: 1 } }, 'check-failed'],
  ['soak', 'nothing', {}, 'check-failed'],
  ['reconcile', 'nothing', {}, 'rejected'],
  ['reconcile', 'a difference that nobody heard of', { reconciliation: { ...recon, agrees: false } }, 'check-failed'],
])('%s with %s is not', (kind, _lack, result, code) => {
  const outcome = provenOutcome(ACTIONS[kind] as Action, { kind: 'done', result });
  expect(outcome).toMatchObject({ kind: 'failed', code });
  expect(outcome.kind === 'failed' && outcome.why).not.toBe('');
});

test('differences that were put before a person may wait there', () => {
  const result = { reconciliation: { ...recon, agrees: false, asked: 2 } };
  expect(provenOutcome(ACTIONS.reconcile as Action, { kind: 'done', result })).toMatchObject({ kind: 'done' });
});

test('an undo of a migration that never had its effect is done, where it found the store', () => {
  const partly: Action = { kind: 'unmigrate', store: 'main', from: 3, to: 2, migrations: [] };
  expect(provenOutcome(partly, { kind: 'done', result: { schemaVersion: 1 } })).toMatchObject({ kind: 'done' });
  expect(provenOutcome(partly, { kind: 'done', result: {} })).toMatchObject({ kind: 'failed', code: 'rejected' });
});

test('a failure and a wait are taken as they are', () => {
  for (const outcome of [
    { kind: 'waiting', reason: 'r', untilMs: 1 },
    { kind: 'failed', code: 'transient', why: 'w' },
  ] as const)
    expect(provenOutcome(ACTIONS.migrate as Action, outcome)).toBe(outcome);
});

test('every action of a plan has its rule', () => {
  const kinds = aPlan().cells.flatMap((c) => [...c.steps, ...c.recovery].map((s) => s.action.kind));
  expect(Object.keys(ACTIONS)).toEqual(expect.arrayContaining(kinds));
});
