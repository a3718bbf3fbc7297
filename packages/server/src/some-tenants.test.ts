import type { CellState } from '@headgate/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from './testing/placed-entries.ts';
import { RealServer } from './testing/real-server.ts';
import { refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let release: Awaited<ReturnType<SmallCompany['release']>>;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  release = await company.release('2.0.0');
});
afterAll(() => server?.remove());

async function promote(body: { environment: string; tenants?: string[] }, idempotencyKey: string) {
  const developer = await server.client('developer');
  return developer.call('requestPromotion', { body: { release, ...body } }, { idempotencyKey });
}

async function carriedOut(promotion: string): Promise<string[]> {
  const auditor = await server.client('auditor');
  // A promotion has ended before its rollouts let go of their cells, which is what the cells then show.
  const ended = async () =>
    (await auditor.call('showPromotion', { promotion })).phase === 'ended' &&
    (await auditor.call('listRollouts', { promotion })).items.every(({ phase }) => phase === 'settled');
  const carried = await company.carryOut(ended);
  return carried.flatMap(({ action }) => ('tenants' in action ? (action.tenants as string[]) : []));
}

describe('a promotion for some tenants', () => {
  it('is planned, carried out and shown for them alone, and counts as nobody’s soak', async () => {
    const developer = await server.client('developer');
    const body = { release, environment: 'staging', tenants: ['acme'] };
    expect((await developer.call('planPromotion', { body })).text).toMatch(/Only for +acme; everybody else stays/);
    const { id, only } = await promote(body, 'for-acme');
    expect(only?.count).toBe(1);
    expect(new Set(await carriedOut(id))).toEqual(new Set(['acme']));
    const { desired } = await developer.call('showCell', { cell: 'stage' });
    expect(desired?.tenants).toMatchObject({ acme: { slot: 'green' }, bolt: { slot: 'blue' } });
    expect((await developer.call('showRelease', { digest: release })).promoted).toEqual([]);
    const gated = await developer.call('planPromotion', { body: { release, environment: 'production' } });
    expect(gated.verdicts.length).toBeGreaterThan(0);
  });

  it('is another one than the same for others, whatever the key says', async () => {
    expect((await promote({ environment: 'staging', tenants: ['acme'] }, 'for-acme')).only?.count).toBe(1);
    const reused = await refused(promote({ environment: 'staging', tenants: ['bolt'] }, 'for-acme'));
    expect(reused).toMatchObject({ status: 409, code: 'key-reused' });
    expect((await refused(promote({ environment: 'staging' }, 'for-acme'))).code).toBe('key-reused');
  });

  it.each([
    [['acme', 'nobody'], 'no-such-tenant'],
    [['acme'], 'already-there'],
    [[], 'malformed'],
    [['ACME'], 'malformed'],
  ])('for %j is refused as %s', async (tenants, code) => {
    const answer = await refused(promote({ environment: 'staging', tenants }, `bad-${tenants.join('-')}`));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.code).toBe(code);
  });

  it('for those who are left brings the release to the environment', async () => {
    const { id } = await promote({ environment: 'staging', tenants: ['bolt'] }, 'the-rest');
    expect(new Set(await carriedOut(id))).toEqual(new Set(['bolt']));
    const developer = await server.client('developer');
    const { promoted } = await developer.call('showRelease', { digest: release });
    expect(promoted.map(({ environment }) => environment)).toEqual(['staging']);
  });
});

describe('a store that was changed by hand', () => {
  const seen = (drift?: string[]): CellState => {
    const state = company.observation('live', 'production');
    return { ...state, stores: { main: { schemaVersion: 1, ...(drift && { drift }) } } };
  };
  const plan = async (tenants?: string[]) =>
    (await server.client('developer')).call('planPromotion', {
      body: { release, environment: 'production', ...(tenants && { tenants }) },
    });

  it('is told, stands on the log, and isn’t built upon until it is put right', async () => {
    await company.agent.call('observeCell', { cell: 'live', body: seen(['the module sale is at 19.0.9']) });
    const auditor = await server.client('auditor');
    const status = await auditor.call('status');
    expect(status.cells.find(({ name }) => name === 'live')?.drift).toEqual([
      { store: 'main', why: 'the module sale is at 19.0.9' },
    ]);
    const problem = await refused(plan());
    expect(problem.code).toBe('drifted');
    expect(problem.message).toContain('19.0.9');
    const { desired } = await auditor.call('showCell', { cell: 'live' });
    expect(desired?.stores).toEqual({ main: { schemaVersion: 1 } });

    await company.agent.call('observeCell', { cell: 'live', body: seen() });
    expect((await plan()).plan.environment).toBe('production');
    const observed = (await placedEntries(server))
      .filter((e) => e.stream === 'cell/live' && e.type === 'cell.observed')
      .map((e) => (e.data as { drifted?: string[] }).drifted);
    expect(observed.slice(-2)).toEqual([['main'], undefined]);
  });

  it('isn’t taken under control as it is', async () => {
    const manager = await server.client('release-manager');
    const text = `apiVersion: headgate/v1
kind: Cell
metadata: {name: odd, owner: team-shop}
spec: {environment: staging, slots: [blue, green], stores: [{name: main}]}
`;
    await manager.call('applyDocuments', { body: { files: [{ name: 'odd.yaml', text }] } });
    const body = { ...seen(['half done']), cell: 'odd', environment: 'staging' };
    await company.agent.call('observeCell', { cell: 'odd', body });
    const adopting = manager.call('adoptCell', { cell: 'odd', body: { manifests: [company.baseline.manifest] } });
    expect((await refused(adopting)).code).toBe('drifted');
  });
});
