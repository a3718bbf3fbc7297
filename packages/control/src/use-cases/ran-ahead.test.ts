/** What took stores further than a release was built for, over the store in memory. */
import { canonicalBytes } from '@headgate/documents';
import { ANALYSIS, type PolicySpec, type Promotion, type Rollout, undoSteps } from '@headgate/domain';
import {
  aCell,
  aManifest,
  aMigration,
  aPlan,
  aPolicy,
  aRelease,
  aRequest,
  digestOf,
  soundFacts,
} from '@headgate/testkit/domain/builders';
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBlobs, MemoryStore } from '../memory/index.ts';
import { rolloutId, streams } from '../records.ts';
import { ranAhead } from './ran-ahead.ts';

const OLD = aManifest({ version: '1.0.1', schemaRange: { min: 1, max: 2 }, migrations: [aMigration(0)] });
const DERIVED = [{ gate: 'migrations-analysed', at: 'promotion' as const, params: { contracts: 'waivers' } }];
const now = [aCell({ schemaVersion: 2, schemaRange: { min: 1, max: 2 } })];
const migration = aMigration(1);
const { evidence } = soundFacts();
const analysed = evidence.find(({ predicateType }) => predicateType === ANALYSIS)!;
const said = (removes: readonly string[] | undefined, digest = migration.up.digest, more: object = {}) => ({
  ...analysed,
  subject: aRelease().digest,
  analysis: { ...analysed.analysis!, migrations: [{ id: migration.id, to: 2, digest, ...(removes && { removes }) }] },
  ...more,
});

let store: MemoryStore;
let blobs: MemoryBlobs;
let clock = 1;
beforeEach(() => {
  store = new MemoryStore({ clock: () => clock++ });
  blobs = new MemoryBlobs();
});

const row = (stream: string, state: object) =>
  store.commit({
    by: 'usr',
    writes: [{ stream, expected: 0, entries: [{ type: 'made', data: {} }], state, dueAt: null }],
  });
/** A promotion, and how far its rollouts came: to the end, unless it is said. */
async function promotion(id: string, state: Partial<Promotion> = {}, plan = aPlan(), rollout: Partial<Rollout> = {}) {
  const planDigest = await blobs.put(canonicalBytes(plan));
  await row(streams.promotion(id), {
    ...{ id, environment: 'production', phase: 'ended', wave: 1, planDigest, release: plan.release },
    ...state,
  });
  for (const { cell, steps } of plan.cells) {
    const far = { cursor: steps.length, begun: steps.length, undo: null, phase: 'settled' };
    await row(streams.rollout(rolloutId(id, cell)), { id: rolloutId(id, cell), cell, ...far, ...rollout });
  }
}
const release = (...all: object[]) => row(streams.release(aRelease().digest), { evidence: all });
const looked = (policy: Partial<PolicySpec> = { gates: DERIVED }, cells = now, manifest = OLD) =>
  ranAhead({ store, blobs }, 'production', manifest, aPolicy(policy), cells);
const one = async () => (await looked()).get('shared/main')?.[0];

test('is a promotion of the environment, told once, that migrated the store there, with what an analysis of those bytes says', async () => {
  await promotion('prm_1');
  await promotion('prm_2');
  await promotion('prm_3', { environment: 'staging' });
  await promotion('prm_4', { phase: 'awaiting', wave: 0 } as never);
  await release(said(['public.invoice.note']));
  expect(await one()).toMatchObject({
    ...{ promotion: 'prm_2', release: aRelease(), removes: ['public.invoice.note'] },
    migration: { to: 2, phase: 'expand', file: migration.up },
  });
});

test.each<[string, object[], readonly string[] | undefined]>([
  ['one that found nothing taken', [said(undefined)], []],
  ['one that took something without a name', [said([])], ['something']],
  ['of several the one that says most', [said(undefined), said(['public.a'])], ['public.a']],
  ['none of other bytes', [said(undefined, analysed.digest)], undefined],
  ['none that nobody signed', [said(undefined, undefined, { verified: false })], undefined],
  ['none of another release', [said(undefined, undefined, { subject: analysed.digest })], undefined],
  ['none at all', [], undefined],
])('of analyses it takes %s', async (_what, all, removes) => {
  await promotion('prm_1');
  await release(...all);
  expect((await one())?.removes).toEqual(removes);
});

test('what no promotion did is not known', async () => {
  expect((await looked()).size).toBe(0);
  await promotion('prm_1', {}, aPlan({ cells: [aCell({ cell: 'other' })] }));
  expect((await looked()).size).toBe(0);
});

test('reads no plan of a promotion that has begun no step there', async () => {
  await promotion('prm_1');
  await promotion('prm_2', { planDigest: digestOf('a plan that nobody has') }, aPlan(), { begun: 0, cursor: 0 });
  expect((await one())?.promotion).toBe('prm_1');
});

describe('a contract that ran', () => {
  const file = { ...migration.up, name: 'drop.sql', digest: `sha256:${'dd'.repeat(32)}` as const };
  const drops = { ...migration, phase: 'contract' as const, up: file };
  const contract = aPlan({ manifest: aManifest({ migrations: [aMigration(0), drops] }) });
  const names = async () => ((await looked()).get('shared/main') ?? []).map((each) => each.promotion);

  test('isn’t hidden by what was asked for later and began, but never came to its migration', async () => {
    await promotion('prm_1', { result: 'promoted' } as never, contract);
    const failed = aPlan();
    const at = failed.cells[0]!.steps.findIndex(({ action }) => action.kind === 'migrate');
    await promotion('prm_2', { result: 'rolled-back' } as never, failed, { cursor: at - 1, begun: at });
    expect(await names()).toEqual(['prm_1']);
    expect((await one())?.migration.phase).toBe('contract');
  });

  test('counts with whatever else may have taken the store there, so that the worst decides', async () => {
    await promotion('prm_1', {}, contract);
    const at = contract.cells[0]!.steps.findIndex(({ action }) => action.kind === 'migrate');
    // Handed out, and nobody knows what came of it.
    await promotion('prm_2', {}, aPlan(), { cursor: at, begun: at + 1 });
    expect(await names()).toEqual(['prm_2', 'prm_1']);
  });

  test('and was restored took the store nowhere; that it was kept did', async () => {
    const [cell] = aPlan({ manifest: aManifest({ migrations: [aMigration(0), { ...drops, undo: 'restore' }] }) }).cells;
    const plan = { ...contract, cells: [cell!] };
    const scope = { kind: 'all', wave: 1 } as const;
    const { length } = undoSteps(cell!, scope, cell!.steps.length);
    const back = (cursor: number) => ({ undo: { scope, because: '', cursor, agreed: false } });
    await promotion('prm_1', {}, plan, back(length));
    expect(await names()).toEqual([]);
    await promotion('prm_2', {}, plan, back(0));
    expect(await names()).toEqual(['prm_2']);
    await promotion('prm_3', {}, contract, back(length));
    // The same bytes of the same release, told once.
    expect(await names()).toEqual(['prm_3']);
  });
});

test('nothing is read where the range is declared, or the release is no older than its stores', async () => {
  await promotion('prm_1', { planDigest: 'sha256:gone' } as never);
  const gates = [{ ...DERIVED[0]!, params: { contracts: 'ranges' } }];
  expect((await looked({ gates })).size).toBe(0);
  expect((await looked(undefined, [aCell({ schemaVersion: 1 })])).size).toBe(0);
  expect((await looked(undefined, undefined, aRequest().manifest)).size).toBe(0);
  await expect(looked()).rejects.toThrow('is missing');
});
