/** What could come back to an environment, over the store in memory. */
import { canonicalBytes } from '@headgate/documents';
import { ANALYSIS, type Promotion, REHEARSAL } from '@headgate/domain';
import { aManifest, aMigration, aPlan, aRelease, soundFacts } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import { MemoryBlobs, MemoryStore } from '../memory/index.ts';
import { streams } from '../records.ts';
import { losesGoingBack, removedBy, waysBack } from './ways-back.ts';

const contract = aManifest({ migrations: [aMigration(1, { phase: 'contract' })] });

let store: MemoryStore;
let blobs: MemoryBlobs;
let planDigest: Promotion['planDigest'];
beforeEach(async () => {
  store = new MemoryStore({ clock: () => 1 });
  blobs = new MemoryBlobs();
  planDigest = await blobs.put(canonicalBytes(aPlan()));
});

const row = (stream: string, state: object) =>
  store.commit({
    by: 'usr',
    writes: [{ stream, expected: 0, entries: [{ type: 'made', data: {} }], state, dueAt: null }],
  });
const promotion = (id: string, state: Partial<Promotion>) =>
  row(streams.promotion(id), { id, environment: 'production', wave: 1, planDigest, ...state });
const asked = (ending?: string, manifest = contract) => waysBack({ store, blobs }, 'production', manifest, ending);
const base = { cell: 'shared', version: aRelease('1.0.0').version, range: { min: 1, max: 2 } };

test('every open undo and the watch over the last promotion lead back to what ran before', async () => {
  await promotion('prm_1', { phase: 'ended' } as never);
  await promotion('prm_2', { phase: 'held' } as never);
  const stages = [60_000, 3_600_000].map((durationMs, i) => ({ name: `stage ${i}`, durationMs }));
  const watch = { phase: 'alarmed', until: Date.UTC(2026, 0, 5, 12), stage: 0, stages };
  await row(streams.hypercare('production'), { ...watch, promotion: 'prm_1', environment: 'production' });
  expect(await asked()).toEqual([
    { ...base, kind: 'way-back', name: 'the undo of promotion prm_2' },
    { ...base, kind: 'watch', name: 'the watch over promotion prm_1 (until 2026-01-05T13:00:00Z, unless it alarms)' },
  ]);
});

test.each<[string, object]>([
  ['has not begun', { phase: 'awaiting', wave: 0 }],
  ['has ended', { phase: 'ended' }],
  ['is of another environment', { phase: 'advancing', environment: 'staging' }],
])('a promotion that %s leads back nowhere', async (_what, state) => {
  await promotion('prm_1', state as never);
  expect(await asked()).toEqual([]);
});

test('neither does one that ends before this one begins, nor a watch that is over', async () => {
  await promotion('prm_1', { phase: 'held' } as never);
  await row(streams.hypercare('production'), { phase: 'ended', promotion: 'prm_1', environment: 'production' });
  expect(await asked('prm_1')).toEqual([]);
});

test('nothing is read for a release that removes nothing', async () => {
  await promotion('prm_1', { phase: 'held', planDigest: 'sha256:gone' } as never);
  expect(await asked(undefined, aManifest())).toEqual([]);
  await expect(asked()).rejects.toThrow('is missing');
});

test('what is removed the newest analysis says', () => {
  const evidence = soundFacts().evidence.find(({ predicateType }) => predicateType === ANALYSIS);
  if (evidence?.analysis === undefined) throw new Error('sound facts have an analysis');
  const { analysis } = evidence;
  const saying = (at: number, ...removes: string[]) => ({
    ...evidence,
    analysis: { ...analysis, at, migrations: [{ id: 'm2', to: 2, digest: evidence.digest, removes }] },
  });
  expect(removedBy({ evidence: [saying(2, 'public.a'), saying(1, 'public.b')] })).toEqual(new Map([[2, ['public.a']]]));
  expect(removedBy({ evidence: [] })).toEqual(new Map());
});

test.each<[string, boolean, object]>([
  ['found it so', true, { wayBack: 'declared-lossy' }],
  ['found it equal', false, { wayBack: 'equal' }],
  ['nobody verified', false, { wayBack: 'declared-lossy', verified: false }],
  ['is of another release', false, { wayBack: 'declared-lossy', subject: aRelease('0.9.0').digest }],
])('a way back loses data where a rehearsal %s: %s', (_, loses, { wayBack, ...more }: { wayBack?: string }) => {
  const ref = aRelease();
  const all = soundFacts().evidence.map((each) =>
    each.rehearsal === undefined
      ? each
      : { ...each, subject: ref.digest, ...more, rehearsal: { ...each.rehearsal, wayBack } },
  );
  expect(all.some(({ predicateType }) => predicateType === REHEARSAL)).toBe(true);
  expect(losesGoingBack({ ref, evidence: all as never })).toBe(loses);
});
