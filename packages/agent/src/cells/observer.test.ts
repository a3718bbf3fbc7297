import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { canonicalBytes, canonicalJson, digestOf, digestOfJson } from '@headgate/documents';
import type { CellAccount, CellState, Digest, ReleaseManifest } from '@headgate/domain';
import { aCell } from '@headgate/testkit/domain/builders';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Baselines } from '../artifacts/baselines.ts';
import type { PinnedEnvironment } from '../checks/facts.ts';
import { CountingCell, silent } from '../testing/bench-agent.ts';
import { sealedPlan } from '../testing/sealed-plan.ts';
import type { Telling } from './account.ts';
import { adoptedManifests } from './baseline-manifest.ts';
import { Observer } from './observer.ts';

let dir: string;
let told: CellState[];
let pins: (PinnedEnvironment | undefined)[];
let uploaded: Digest[];
let state: CellState;
let away = false;
let unread = false;
let accounts: CellAccount[];
let telling: Telling;
const baseline: ReleaseManifest = { ...sealedPlan().manifest, version: '1.0.0', origin: 'adopted' };
const release = { digest: digestOfJson(baseline), version: '1.0.0' };

const PINNED: PinnedEnvironment = { name: 'production', policyDigest: digestOfJson('a policy') };

const plane = {
  observe: async (seen: CellState, pinned: PinnedEnvironment | undefined) => {
    if (away) throw new Error('away');
    told.push(seen);
    pins.push(pinned);
    return { unread };
  },
  tell: async (account: CellAccount) => {
    accounts.push(account);
    unread = false;
    return { asked: false };
  },
  putBlob: async (bytes: Uint8Array) => {
    uploaded.push(digestOf(bytes));
    return digestOf(bytes);
  },
};

class SeenCell extends CountingCell {
  override observe(): never {
    const config = { dir } as CellConfig;
    return adoptedManifests(config, state).then((manifests) => ({ state, manifests })) as never;
  }
}

async function observer(): Promise<{ observer: Observer; baselines: Baselines }> {
  const baselines = await Baselines.open(dir);
  return {
    observer: new Observer(new SeenCell(), {
      plane,
      baselines,
      account: async () => telling,
      pinned: PINNED,
      log: silent,
    }),
    baselines,
  };
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-observer-'));
  [told, pins, uploaded, away, unread, accounts] = [[], [], [], false, false, []];
  telling = { ok: false, why: 'a step is being ended', unblock: '' };
  state = { ...aCell(), slots: { blue: { release, schemaRange: { min: 1, max: 2 } }, green: {} } };
  await mkdir(join(dir, 'slots', 'blue'), { recursive: true });
  await writeFile(join(dir, 'slots', 'blue', 'manifest.json'), canonicalJson(baseline));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('the manifest of what runs is uploaded once, before the observation that names it', async () => {
  const { observer: own } = await observer();
  await own.look();
  await own.look();
  expect(uploaded).toEqual([digestOf(canonicalBytes(baseline))]);
  expect(told).toEqual([state]);
});

test('a manifest that is not that of the release in the slot is not uploaded', async () => {
  await writeFile(join(dir, 'slots', 'blue', 'manifest.json'), canonicalJson({ ...baseline, notes: 'another' }));
  await (await observer()).observer.look();
  expect(uploaded).toEqual([]);
  expect(told).toHaveLength(1);
});

test('what ran at the first look is a baseline, also after a restart; what comes later is none', async () => {
  const first = await observer();
  await first.observer.look();
  const planted = { digest: digestOfJson('planted'), version: '6.6.6' };
  state = { ...state, slots: { ...state.slots, green: { release: planted } } };
  const second = await observer();
  await second.observer.look();
  expect(second.baselines.has(release.digest)).toBe(true);
  expect(second.baselines.has(planted.digest)).toBe(false);
});

test('what could not be told is told at the next look', async () => {
  const { observer: own } = await observer();
  away = true;
  await expect(own.look()).rejects.toThrow('away');
  away = false;
  await own.look();
  expect(told).toHaveLength(1);
});

test('each time it is told what the agent holds there', async () => {
  await (await observer()).observer.look();
  expect(pins).toEqual([PINNED]);
});

test('after a step each look is told, changed or not', async () => {
  const { observer: own } = await observer();
  await own.look();
  own.insist();
  await own.look();
  await own.look();
  expect(told).toHaveLength(3);
});

test('a restored server is told what was done, as soon as nothing is under way, and not again once it understood', async () => {
  const { observer: own } = await observer();
  unread = true;
  await own.look();
  expect(accounts).toEqual([]);
  const account: CellAccount = { fence: { epoch: 1, n: 4 }, plans: [], state, restorePoints: [] };
  telling = { ok: true, account };
  await own.look();
  expect(accounts).toEqual([account]);
  await own.look();
  expect(accounts).toHaveLength(1);
});
