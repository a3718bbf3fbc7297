/** A hotfix that is asked for while the promotion that it overtakes moves, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal, Promotion } from '@headgate/domain';
import { aCell, aManifest, anApplication, aPolicy, aRelease, digestOf, NOON } from '@headgate/testkit/domain/builders';
import { beforeEach, expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryStore } from '../memory/index.ts';
import type { Commit, ControlStore } from '../ports/store.ts';
import { requestPromotion } from './request-promotion.ts';

const MANAGER: Principal = { id: 'usr_manager', roles: ['release-manager'] };
const BAD = aRelease('1.1.0');
const FIXED = aRelease('1.1.1');

let store: MemoryStore;
let deps: Deps;
/** How often a commit that asks for the hotfix finds the promotion that it overtakes moved. */
let moves: number;
let tried: number;

async function put(stream: string, state: object): Promise<void> {
  const version = (await store.load([stream])).get(stream)?.version ?? 0;
  const entries = [{ type: 'test.put', data: {} }];
  const { ok } = await store.commit({
    by: 'usr',
    writes: [{ stream, expected: version, entries, state, dueAt: null }],
  });
  if (!ok) throw new Error(`${stream} was not put`);
}

const ask = (release: typeof BAD, overtakes?: string) =>
  requestPromotion(deps, MANAGER, {
    release: release.digest,
    environment: 'production',
    ...(overtakes === undefined ? {} : { overtakes: { promotion: overtakes, because: 'invoices are wrong' } }),
  });

/** The promotion that is overtaken, paused behind its first wave, in which nothing was carried out. */
async function pausedPromotion(): Promise<string> {
  const asked = await ask(BAD);
  if (!asked.ok) throw new Error(asked.refusals[0]?.why);
  const { reason: _r, verdicts: _v, ...core } = asked.value as Promotion & { reason: string; verdicts: unknown };
  await put(`promotion/${asked.value.id}`, { ...core, phase: 'paused', wave: 1, by: 'usr', reason: 'a hotfix' });
  return asked.value.id;
}

beforeEach(async () => {
  store = new MemoryStore({ clock: () => NOON });
  moves = 0;
  tried = 0;
  let ids = 0;
  const moving: Pick<ControlStore, 'commit'> = {
    async commit(commit: Commit) {
      const overtaken = commit.writes.find(({ stream, expected }) => stream.startsWith('promotion/') && expected > 0);
      if (overtaken === undefined) return store.commit(commit);
      tried += 1;
      // Its controller ticks between what was read and what is written.
      if (tried <= moves)
        await put(overtaken.stream, (await store.load([overtaken.stream])).get(overtaken.stream)!.state as object);
      return store.commit(commit);
    },
  };
  deps = {
    store: new Proxy(store, {
      get: (target, name) => {
        const own = name === 'commit' ? moving.commit : Reflect.get(target, name);
        return typeof own === 'function' ? own.bind(target) : own;
      },
    }),
    blobs: new MemoryBlobs(),
    epoch: 1,
    trust: {} as never,
    newId: (prefix: string) => `${prefix}_${++ids}`,
    digestOf: digestOfJson,
    canonical: canonicalBytes,
  };
  const { name: _a, verification, reconciliation, ...application } = anApplication();
  const { name: policy, ...spec } = aPolicy();
  const documents: readonly (readonly [string, string, object])[] = [
    ['Application', 'psa', { ...application, verification: verification.name, reconciliation: reconciliation?.name }],
    ['Environment', 'production', { application: 'psa', policy, calendars: [], agent: 'agt' }],
    ['Policy', policy, spec],
    ['Verification', verification.name, {}],
    ['Reconciliation', String(reconciliation?.name), {}],
    ['Cell', 'shared', { environment: 'production' }],
  ];
  for (const [kind, name, content] of documents)
    await put(`document/${kind}/${name}`, { kind, name, owner: 'o', spec: content, digest: digestOf(name) });
  await put('cell/shared', { desired: aCell(), uncertain: false });
  for (const ref of [BAD, FIXED])
    await put(`release/${ref.digest}`, {
      ref,
      application: 'psa',
      manifest: aManifest({ version: ref.version }),
      evidence: [],
      soaked: [],
      registeredAt: NOON,
      registeredBy: 'usr_author',
    });
});

test('is decided again on what then stands, and its asker hears nothing of it', async () => {
  const open = await pausedPromotion();
  moves = 3;
  expect(await ask(FIXED, open)).toMatchObject({ ok: true, value: { overtakes: open, phase: 'awaiting' } });
  expect(tried).toBe(4);
  const row = (await store.load([`promotion/${open}`])).get(`promotion/${open}`);
  expect(row?.state).toMatchObject({ phase: 'undoing', overtakenBy: expect.any(String) });
});

test('is refused as busy only when it moved under every try, and has then overtaken nothing', async () => {
  const open = await pausedPromotion();
  moves = Number.POSITIVE_INFINITY;
  expect(await ask(FIXED, open)).toMatchObject({
    ok: false,
    refusals: [{ code: 'busy', unblock: 'try again', why: expect.stringMatching(/changed \d+ times/) }],
  });
  expect(tried).toBeGreaterThan(2);
  const row = (await store.load([`promotion/${open}`])).get(`promotion/${open}`);
  expect(row?.state).toMatchObject({ phase: 'paused' });
  expect((await store.list('promotion', { limit: 10 })).length).toBe(1);
});
