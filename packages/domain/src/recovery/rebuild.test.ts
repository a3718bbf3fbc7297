import { expect, test } from 'vitest';
import type { Digest } from '../model/identity.ts';
import { type ExerciseFacts, judgeExercise, wrongBefore, wrongWithStore } from './rebuild-exercise.ts';
import { expectedMs, lostNow, planRebuild, type RebuildFacts } from './rebuild-plan.ts';

const digest = `sha256:${'a'.repeat(64)}` as Digest;
const point = {
  ...{ id: 'rp-1', takenAt: 1_000, manifest: digest, schemaVersion: 3, major: 15, bytes: 10, promisesRows: true },
  reachedAt: 5_000,
};
const store = (name: string, ...dependsOn: string[]) => ({ name, dependsOn, point });
const serving = (slot: string, ...tenants: string[]) => ({
  ...{ slot, tenants, release: { digest, version: '1.4.0' }, schemaRange: { min: 2, max: 4 } },
});
const facts: RebuildFacts = {
  ...{ environment: 'production', cell: 'shared', application: 'psa', now: 9_000, lacking: [], transactions: true },
  backups: [{ name: 'platform', id: 'bk-1', takenAt: 500 }],
  stores: [store('a', 'queue'), store('zone'), store('queue')],
  tenants: { ada: 'a', bob: 'queue' },
  serving: { by: 'log', slots: [serving('blue', 'ada'), serving('green', 'bob')] },
  took: {},
};
const planned = (more: Partial<RebuildFacts> = {}) => planRebuild({ ...facts, ...more });
const why = (more: Partial<RebuildFacts>): readonly string[] => {
  const result = planned(more);
  return result.ok ? [] : result.refusals.map((each) => `${each.where}: ${each.why}`);
};

test('platform before tenants, each store after what it depends on, the releases on all of them, then the way to them', () => {
  const result = planned();
  if (!result.ok) throw new Error(JSON.stringify(result));
  expect(result.plan.steps.map(({ id, needs }) => [id, needs])).toEqual([
    ['configuration/platform', []],
    ['store/zone', ['configuration/platform']],
    ['store/queue', ['configuration/platform']],
    ['store/a', ['configuration/platform', 'store/queue']],
    ['application/blue', ['store/zone', 'store/queue', 'store/a']],
    ['application/green', ['store/zone', 'store/queue', 'store/a']],
    ['traffic', ['application/blue', 'application/green']],
    ['business', ['traffic']],
  ]);
});

test('where all stores stand on one server, that comes after what was backed up and before every store', () => {
  const proofs = ['every module is at its version'];
  const stores = [{ ...store('a'), point: { ...point, proofs } }, store('queue')];
  const result = planned({ server: { proof: 'it answers', release: 'modules fit' }, stores });
  if (!result.ok) throw new Error(JSON.stringify(result));
  expect(result.plan.steps.slice(0, 4).map(({ id, needs }) => [id, needs])).toEqual([
    ['configuration/platform', []],
    ['server', ['configuration/platform']],
    ['store/a', ['server']],
    ['store/queue', ['server']],
  ]);
  expect(result.plan.steps[1]!.proof).toBe('it answers');
  expect(result.plan.steps[4]!.proof).toMatch(/answers healthy; modules fit$/);
  expect(result.plan.steps[2]!.proof).toMatch(/every module is at its version; recovery/);
});

test('what somebody gives for a store is in the plan, and only there', () => {
  const result = planned({ stores: [{ ...store('a', 'queue'), given: ['a server'] }, store('queue')] });
  if (!result.ok) throw new Error(JSON.stringify(result));
  expect(result.plan.stores.map(({ name, given }) => [name, given])).toEqual([
    ['queue', undefined],
    ['a', ['a server']],
  ]);
});

const { point: _, ...nothing } = store('a', 'queue');
test.each([
  [
    'a store without a copy',
    { stores: [{ ...nothing, why: 'none lies there' }, store('queue')] },
    ['store a: none lies there'],
  ],
  [
    'stores in a circle',
    { stores: [store('a', 'b'), store('b', 'a')] },
    ['stores of shared: they depend on each other in a circle: a → b → a'],
  ],
  [
    'a dependency on nobody',
    { stores: [store('a', 'x')] },
    ['stores of shared: a depends on x, and there is no store of that name'],
  ],
  ['a backup that isn’t there', { backups: [{ name: 'net', why: 'none' }] }, ['backup net: none']],
  [
    'a release that nobody knows',
    { serving: { why: 'the log is away', unblock: '' } },
    ['releases of shared: the log is away'],
  ],
  [
    'a tenant that nobody serves',
    { serving: { by: 'log' as const, slots: [serving('blue', 'ada')] } },
    ['releases of shared: nothing says which release serves bob'],
  ],
  [
    'a store that is too new for the release',
    { stores: [{ ...store('a'), point: { ...point, schemaVersion: 5 } }, store('queue')] },
    ['releases of shared: 1.4.0 is for the schemas 2 to 4, and a comes back with 5'],
  ],
  [
    'what this machine lacks',
    { lacking: [{ code: 'x', what: 'x', where: 'identity', why: 'it isn’t there', unblock: 'bring it' }] },
    ['identity: it isn’t there'],
  ],
] satisfies [string, Partial<RebuildFacts>, string[]][])('%s is named, and there is no plan', (_, more, expected) => {
  expect(why(more)).toEqual(expected);
});

test('all that is wrong is told at once', () => {
  expect(
    why({ stores: [store('a', 'x')], backups: [{ name: 'net' }], serving: { why: 'away', unblock: '' } }),
  ).toHaveLength(3);
});

test('a store that is older than the release can use comes back so, unless its log goes on from there', () => {
  const old = { ...point, schemaVersion: 1 };
  const { reachedAt: _, ...alone } = old;
  expect(why({ stores: [{ ...store('a'), point: old }, store('queue')] })).toEqual([]);
  expect(why({ stores: [{ ...store('a'), point: alone }, store('queue')] })).toHaveLength(1);
});

test('how long it takes is known once every step was carried out, and not before', () => {
  const took = { 'configuration/platform': 1, 'store/zone': 2, 'store/queue': 3, 'store/a': 4 };
  const more = { 'application/blue': 5, 'application/green': 6, traffic: 7, business: 8 };
  const known = planned({ took: { ...took, ...more } });
  expect(known.ok && expectedMs(known.plan)).toBe(36);
  const half = planned({ took });
  expect(half.ok && expectedMs(half.plan)).toBe(undefined);
});

test('what would be lost is the age of the log’s end; without one the copy’s', () => {
  expect(lostNow({ name: 'a', point }, 9_000)).toBe(4_000);
  const { reachedAt: _, ...alone } = point;
  expect(lostNow({ name: 'a', point: alone }, 9_000)).toBe(8_000);
  // A clock that jumped makes nothing of what is lost.
  expect(lostNow({ name: 'a', point: { ...point, reachedAt: 99_000 } }, 9_000)).toBe(0);
});

const came = {
  ...{ store: 'a', point: 'rp-1', manifest: digest, takenAt: 1_000, promisedSchema: 3, ownSchema: 3, schema: 3 },
  ...{ reachedAt: 5_000, segments: 1, replayed: true, census: { tables: 1, rows: 9, differences: [], unsettled: [] } },
  ...{ files: { compared: 0, wrong: [] }, amcheck: { problems: [] } },
};
const exercised: ExerciseFacts = {
  ...{ environment: 'production', cell: 'shared', application: 'psa', plan: digest, startedAt: 9_000, at: 99_000 },
  steps: [
    { id: 'store/a', kind: 'store', begunMs: 0, tookMs: 20_000 },
    { id: 'business', kind: 'business', begunMs: 20_000, tookMs: 2_000 },
  ],
  ...{ stores: [came], releases: [], routed: 1, firstTransactionMs: 21_000, transactions: 1, missing: [] },
};

test('RTO ends with the first business transaction, RPO is the oldest moment that came back', () => {
  const older = { ...came, store: 'b', reachedAt: 2_000 };
  expect(judgeExercise({ ...exercised, stores: [came, older] })).toEqual({
    ...{ ok: true, because: [], missing: [], rtoMs: 21_000, rpoMs: 7_000 },
  });
});

const attachments = { compared: 5, missing: 0, promisedMissing: 0, altered: 0 };
const { firstTransactionMs: _1, ...without } = exercised;
const { census: _2, ...uncounted } = came;
const { amcheck: _3, ...unchecked } = came;
test('what was wrong before keeps no store from its place; what was lost on the way does', () => {
  const changed = { ...came, attachments: { ...attachments, missing: 1, promisedMissing: 1, altered: 1 } };
  expect(wrongWithStore(changed)).toEqual([]);
  expect(wrongBefore(changed)).toHaveLength(1);
  expect(wrongWithStore({ ...came, attachments: { ...attachments, missing: 1 } })).toHaveLength(1);
});

test.each([
  [
    'a business transaction that failed',
    { ...without, steps: [{ ...exercised.steps[1]!, failed: 'it ended with 3' }] },
    { because: ['business: it ended with 3'] },
  ],
  [
    'no business transaction at all',
    without,
    { missing: [expect.stringContaining('no business transaction was carried out')] },
  ],
  [
    'rows that aren’t what was promised',
    {
      ...exercised,
      stores: [
        {
          ...came,
          census: { ...came.census, differences: [{ relation: 'e', kind: 'rows' as const, promised: 9, found: 8 }] },
        },
      ],
    },
    { because: ['a: e came back with 8 rows, 9 were promised'] },
  ],
  [
    'a log that ends too early',
    { ...exercised, stores: [{ ...came, replayed: false }] },
    { because: ['a: what came back ends before its log does'] },
  ],
  [
    'another schema',
    { ...exercised, stores: [{ ...came, ownSchema: 2 }] },
    { because: ['a: schema version 2 came back, 3 was promised'] },
  ],
  [
    'rows that nobody counted',
    { ...exercised, stores: [uncounted] },
    { missing: [expect.stringContaining('promises no rows')] },
  ],
  [
    'indexes that nobody checked',
    { ...exercised, stores: [unchecked] },
    { missing: [expect.stringContaining('pg_amcheck')] },
  ],
  [
    'attachments whose files are gone',
    { ...exercised, stores: [{ ...came, attachments: { ...attachments, missing: 2, promisedMissing: 1 } }] },
    { because: ['a: 2 attachments have no file, and 1 had none before'] },
  ],
  [
    'attachments that had been changed before',
    { ...exercised, stores: [{ ...came, attachments: { ...attachments, altered: 2 } }] },
    { because: ['a: 2 attachments’ files aren’t what the database says; it was so when the restore point was taken'] },
  ],
  [
    'an application that wasn’t started',
    { ...exercised, missing: ['it wasn’t started'] },
    { missing: ['it wasn’t started'] },
  ],
] satisfies [string, ExerciseFacts, object][])('%s: it didn’t go well, and says so', (_, facts, expected) => {
  expect(judgeExercise(facts)).toMatchObject({ ok: false, ...expected });
});

test('sabotage: without a business transaction that succeeded there is no RTO, however quick the rest was', () => {
  expect(judgeExercise(without).rtoMs).toBe(undefined);
  expect(judgeExercise({ ...exercised, firstTransactionMs: 3_600_000 }).rtoMs).toBe(3_600_000);
});

test('a log whose moment nobody here knows is gone along to its last segment, and counts for no moment', () => {
  const { reachedAt: _, ...own } = point;
  const old = { ...own, schemaVersion: 1, promisesRows: false, lastWal: '00000001000000000000000A' };
  const stores = [{ name: 'a', dependsOn: [], point: old }, store('queue'), store('zone')];
  // It may come back newer than its copy: that is looked at once it is back.
  const result = planned({ stores });
  if (!result.ok) throw new Error(JSON.stringify(result));
  expect(result.plan.steps.find(({ id }) => id === 'store/a')?.proof).toBe(
    'the schema is 1 or later; recovery came to the end of the log, in 00000001000000000000000A or later; pg_amcheck finds nothing wrong',
  );
  expect(lostNow({ name: 'a', point: old }, 9_000)).toBe(8_000);
  const { lastWal: _1, ...without } = old;
  expect(why({ stores: [{ name: 'a', dependsOn: [], point: without }, store('queue'), store('zone')] })[0]).toContain(
    'a comes back with 1',
  );
});
