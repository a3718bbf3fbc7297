/** Two applications on one control plane: neither takes the other's environment, cells or documents without a word. */
import type { CellState } from '@headgate/contract';
import { digestOfJson } from '@headgate/documents';
import type { Plan } from '@headgate/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { DOCUMENTS, refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let release: Awaited<ReturnType<SmallCompany['release']>>;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  release = await company.release('2.0.0');
});
afterAll(() => server?.remove());

const KINDS = ['Application', 'Environment', 'Cell', 'Policy', 'Calendar', 'Verification'];

/** The shop's documents, as another service with the same environment would have them. */
const BLOG = DOCUMENTS.replaceAll('team-shop', 'team-blog')
  .replaceAll('application: shop', 'application: blog')
  .replaceAll('agt-shop', 'agt-blog')
  .replace(/(kind: Application\nmetadata: \{name: )shop/, '$1blog')
  .replaceAll(/(kind: Policy\nmetadata: \{name: )/g, '$1blog-')
  .replaceAll('policy: ', 'policy: blog-')
  .replaceAll('shop-works', 'blog-works')
  .replaceAll('name: stage,', 'name: blog-stage,')
  .replaceAll('name: live,', 'name: blog-live,');

async function apply(text: string, more: { dryRun?: boolean; takeOver?: boolean } = {}) {
  const manager = await server.client('release-manager');
  return manager.call('applyDocuments', { body: { files: [{ name: 'blog.yaml', text }], ...more } });
}

async function declared() {
  const auditor = await server.client('auditor');
  const pages = await Promise.all(KINDS.map((kind) => auditor.call('listDocuments', { kind, limit: 100 })));
  return pages.flatMap(({ items }) => items);
}

describe('declaring a second application', () => {
  it.each([{ dryRun: true }, {}])(
    'is refused where it takes the first one’s environment, and changes nothing (%j)',
    async (more) => {
      const before = await declared();
      const problem = await refused(apply(BLOG, more));
      expect(problem).toMatchObject({ status: 409, code: 'of-another-application' });
      expect(problem.problem.refusals.find(({ where }) => where === 'document/Environment/production')).toMatchObject({
        why: expect.stringMatching(/production is of application shop.* blog/),
        unblock: expect.stringMatching(/blog-production.* --take-over/),
      });
      expect(await declared()).toEqual(before);
    },
  );

  it('is refused where it puts the first one’s cell elsewhere', async () => {
    const cell = DOCUMENTS.split('---\n').find((text) => text.includes('name: live,')) ?? '';
    const problem = await refused(apply(cell.replace('environment: production', 'environment: staging')));
    expect(problem).toMatchObject({ status: 409, code: 'of-another-environment' });
    expect(problem.message).toMatch(/cell live stands in environment production/);
  });

  it('is refused where a document is somebody else’s, unless it says what it says already', async () => {
    const policy = DOCUMENTS.split('---\n').find((text) => text.includes('name: careful,')) ?? '';
    const other = policy.replace('team-shop', 'team-blog');
    expect(await refused(apply(other))).toMatchObject({ status: 409, code: 'of-another-owner' });
    expect((await apply(policy)).applied.map(({ change }) => change)).toEqual(['unchanged']);
    const lighter = policy.replace('minimum: 1', 'minimum: 2');
    expect((await apply(lighter, { dryRun: true })).applied.map(({ change }) => change)).toEqual(['changed']);
  });

  it('is refused where one owner’s second application changes what the first goes by, and says how it is meant', async () => {
    const own = BLOG.replaceAll('team-blog', 'team-shop')
      .replaceAll(/(kind: Environment\nmetadata: \{name: )/g, '$1blog-')
      .replaceAll('environment: ', 'environment: blog-')
      .replace('[staging, production]', '[blog-staging, blog-production]');
    const same = own.replaceAll('blog-works', 'shop-works').replace('path: /healthz', 'path: /anything');
    const before = await declared();
    const problem = await refused(apply(same));
    expect(problem).toMatchObject({ status: 409, code: 'of-another-application' });
    expect(problem.problem.refusals).toMatchObject([
      {
        where: 'document/Verification/shop-works',
        why: expect.stringMatching(/^shop goes by it, and this declares blog/),
        unblock: expect.stringMatching(/blog-shop-works.*--take-over/),
      },
    ]);
    expect(await declared()).toEqual(before);
    expect((await apply(own, { dryRun: true })).applied.every(({ change }) => change === 'created')).toBe(true);
  });
});

describe('two agents of one environment', () => {
  it('are each given the steps of the cells that they have; one that names none, any', async () => {
    const developer = await server.client('developer');
    await developer.call('requestPromotion', { body: { release, environment: 'staging' } });
    const lease = async (cells: string | undefined, waitMs: number) =>
      (await company.agent.call('leaseStep', { ...(cells && { cells }), body: { waitMs } })).assignment;
    const own = await lease('elsewhere,stage', 10_000);
    expect(own?.cell).toBe('stage');
    const back = { kind: 'waiting', reason: 'handed back', untilMs: 1 } as const;
    const { rollout, fence } = own!;
    await company.agent.call('settleStep', { rollout, n: fence.n, body: back });
    // It is on offer again: whoever hasn't the cell sees nothing of that.
    expect(await lease('elsewhere', 2_000)).toBeNull();
    const again = await lease(undefined, 10_000);
    expect(again?.cell).toBe('stage');
    await company.agent.call('settleStep', { rollout, n: again!.fence.n, body: back });
    expect((await refused(lease('../stage', 0))).code).toBe('malformed');
  });
});

describe('an environment that was taken over, as somebody said', () => {
  const plan = async (digest: typeof release) =>
    (await server.client('developer')).call('planPromotion', {
      body: { release: digest, environment: 'production' },
    });

  beforeAll(async () => {
    await apply(BLOG, { takeOver: true });
    const cell = 'blog-live';
    const seen = company.observation(cell, 'production');
    const manifest = { ...company.baseline.manifest, application: 'blog' };
    const state: CellState = { ...seen, application: 'blog' };
    const blue = { release: { digest: digestOfJson(manifest), version: '1.0.0' }, schemaRange: { min: 1, max: 1 } };
    await company.agent.call('observeCell', { cell, body: { ...state, slots: { blue, green: {} } } });
    const manager = await server.client('release-manager');
    await manager.call('adoptCell', { cell, body: { manifests: [manifest] } });
  });

  it('is nobody’s way for the other application’s releases', async () => {
    const problem = await refused(plan(release));
    expect(problem).toMatchObject({ status: 409, code: 'other-application' });
    expect(problem.message).toContain('production is of application blog');
  });

  it('takes the new one’s releases to its own cells alone', async () => {
    const blog = await company.release('3.0.0', { application: 'blog' });
    const { cells } = (await plan(blog)).plan as unknown as Plan;
    expect(cells.map(({ cell }) => cell)).toEqual(['blog-live']);
  });
});
