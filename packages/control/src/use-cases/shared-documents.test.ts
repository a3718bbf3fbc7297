/** One owner's documents that two applications go by, over the store in memory. */
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import type { Principal, Refusal } from '@headgate/domain';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../deps.ts';
import { MemoryBlobs, MemoryStore } from '../memory/index.ts';
import { type AppliedDocument, applyDocuments, type HowApplied } from './apply-documents.ts';

const manager: Principal = { id: 'usr_manager', roles: ['release-manager'] };
const document = (kind: string, name: string, spec: object, owner = 'team'): AppliedDocument => ({
  ...{ kind, name, owner, spec },
});
const service = (name: string, shared: { calendar: string; verification: string; policy?: string }) => [
  document('Application', name, { verification: shared.verification, pipeline: [`${name}-live`] }),
  document('Environment', `${name}-live`, {
    application: name,
    policy: shared.policy ?? `${name}-live`,
    calendars: [shared.calendar],
  }),
];
const calendar = (name: string, spec: object = { timezone: 'Etc/UTC' }) => document('Calendar', name, spec);
const verification = (name: string, spec: object = { workflows: 1 }) => document('Verification', name, spec);

let deps: Deps;
beforeEach(async () => {
  const means = { trust: {} as never, newId: (p: string) => p, digestOf: digestOfJson, canonical: canonicalBytes };
  deps = { store: new MemoryStore({ clock: () => 1 }), blobs: new MemoryBlobs(), epoch: 1, ...means };
  const shop = service('shop', { calendar: 'hours', verification: 'works', policy: 'careful' });
  const applied = await apply([...shop, calendar('hours'), verification('works'), document('Policy', 'careful', {})]);
  expect(applied).toBe('created');
});

async function apply(documents: readonly AppliedDocument[], how: HowApplied = {}) {
  const applied = await applyDocuments(deps, manager, documents, how);
  if (!applied.ok) return applied.refusals;
  return [...new Set(applied.value.map(({ change }) => change))].sort().join(', ');
}
const blog = service('blog', { calendar: 'hours', verification: 'works' });
const other = { workflows: 2 };

describe('an owner’s second application', () => {
  test.each<[string, AppliedDocument]>([
    ['Calendar/hours', calendar('hours', { timezone: 'Europe/Rome' })],
    ['Verification/works', verification('works', other)],
    ['Policy/careful', document('Policy', 'careful', { gates: [] })],
  ])('changes nothing of what the first one goes by: %s', async (where, changed) => {
    for (const how of [{}, { dryRun: true }]) {
      const refusals = await apply([...blog, changed], how);
      expect(refusals).toMatchObject([
        {
          code: 'of-another-application',
          where: `document/${where}`,
          why: 'shop goes by it, and this declares blog: it would change for both',
        },
      ]);
      expect((refusals as readonly Refusal[])[0]?.unblock).toMatch(/blog-.*a file of its own.*--take-over/);
    }
    expect((await deps.store.load(['document/Application/blog'])).size).toBe(0);
  });

  test('goes by it as it is', async () => {
    expect(await apply([...blog, calendar('hours'), verification('works')])).toBe('created, unchanged');
    // Now two go by it, and neither changes it by the way.
    const shop = service('shop', { calendar: 'hours', verification: 'works', policy: 'careful' });
    expect(await apply([...shop, verification('works', other)])).toMatchObject([
      { why: 'blog goes by it, and this declares shop: it would change for both' },
    ]);
    expect(await apply([...shop, ...blog, verification('works', other)])).toBe('changed, unchanged');
  });

  test('changes nothing of what another comes to go by while it is being applied', async () => {
    const { store } = deps;
    const [pages, archive] = ['pages', 'archive'].map((name) =>
      service(name, { calendar: 'own-hours', verification: 'own-works' }),
    ) as [AppliedDocument[], AppliedDocument[]];
    const own = [calendar('own-hours'), verification('own-works')];
    expect(await apply([...pages, ...own])).toBe('created');
    let between = async () => {};
    const slow = new MemoryStore({ clock: () => 1 });
    slow.load = (streams) => store.load(streams);
    slow.list = (kind, page) => store.list(kind, page);
    slow.commit = async (commit) => {
      const meanwhile = between;
      between = async () => {};
      await meanwhile();
      return store.commit(commit);
    };
    const quick = deps;
    between = async () => {
      deps = quick;
      expect(await apply(archive)).toBe('created');
    };
    deps = { ...quick, store: slow };
    const changed = apply([...pages, verification('own-works', other)]);
    expect(await changed).toMatchObject([{ code: 'of-another-application', where: 'document/Verification/own-works' }]);
  });

  test('takes it over when somebody says so', async () => {
    expect(await apply([...blog, verification('works', other)], { takeOver: true })).toBe('changed, created');
  });
});

describe('the owner', () => {
  test('changes what the application in the same file goes by, and nobody else', async () => {
    const shop = service('shop', { calendar: 'hours', verification: 'works', policy: 'careful' });
    expect(await apply([...shop, verification('works', other)])).toBe('changed, unchanged');
    expect(await apply([...blog, verification('unused'), calendar('blog-hours')])).toBe('created');
  });

  test('changes what several go by, in a file of its own', async () => {
    await apply([...blog, calendar('hours'), verification('works')]);
    expect(await apply([verification('works', other), calendar('hours', { timezone: 'Europe/Rome' })])).toBe('changed');
  });

  test('knows of tenants that go by a calendar', async () => {
    await apply([
      document('Cell', 'shop-a', { environment: 'shop-live' }),
      document('Tenant', 'shop-a/acme', { cell: 'shop-a', calendar: 'month-end' }),
      calendar('month-end'),
    ]);
    expect(await apply([...blog, calendar('month-end', { timezone: 'Europe/Rome' })])).toMatchObject([
      { where: 'document/Calendar/month-end', why: expect.stringContaining('shop goes by it') },
    ]);
  });
});
