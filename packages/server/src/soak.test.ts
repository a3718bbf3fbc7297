/** What an environment has lived with: everybody in it, whatever promotions it took and whatever happened beside them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { SmallCompany } from './testing/small-company.ts';

const SECOND_CELL = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: approval, params: {count: 1}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
---
apiVersion: headgate/v1
kind: Cell
metadata: {name: stage-b, owner: team-shop}
spec: {environment: staging, slots: [blue, green], stores: [{name: main}]}
`;

let server: RealServer;
let company: SmallCompany;
type Release = Awaited<ReturnType<SmallCompany['release']>>;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'second.yaml', text: SECOND_CELL }] } });
  const seen = {
    ...company.observation('stage-b', 'staging'),
    tenants: { crew: { slot: 'blue', store: 'main', ring: 'pilot' } },
  };
  await company.agent.call('observeCell', { cell: 'stage-b', body: seen });
  await manager.call('adoptCell', { cell: 'stage-b', body: { manifests: [company.baseline.manifest] } });
});
afterAll(() => server?.remove());

async function ask(release: Release, tenants: string[]): Promise<{ id: string; envelope: string }> {
  const developer = await server.client('developer');
  return developer.call('requestPromotion', { body: { release, environment: 'staging', tenants } });
}

async function finish({ id, envelope }: { id: string; envelope: string }): Promise<string | undefined> {
  const approver = await server.client('approver');
  await approver.call('approvePromotion', { promotion: id, body: { envelope: envelope as Release } });
  const shown = () => approver.call('showPromotion', { promotion: id });
  await company.carryOut(async () => (await shown()).phase === 'ended');
  // Rollouts let go of their cells a moment later.
  const auditor = await server.client('auditor');
  const rollouts = async () => (await auditor.call('listRollouts', { promotion: id })).items;
  await expect.poll(async () => (await rollouts()).every((r) => r.phase === 'settled'), { timeout: 10_000 }).toBe(true);
  return (await shown()).result;
}

const soaked = async (digest: Release): Promise<string[]> =>
  (await (await server.client('auditor')).call('showRelease', { digest })).promoted.map((p) => p.environment);

it('is no release that somebody left while the last ones came to it, and is one once they are back', async () => {
  const [second, third] = [await company.release('2.0.0'), await company.release('3.0.0')];
  expect(await finish(await ask(second, ['acme', 'bolt']))).toBe('promoted');
  expect(await soaked(second)).toEqual([]);
  // Names everybody who is left; before it begins somebody in the other cell leaves the release.
  const rest = await ask(second, ['crew']);
  expect(await finish(await ask(third, ['bolt']))).toBe('promoted');
  expect(await finish(rest)).toBe('promoted');
  expect(await soaked(second)).toEqual([]);
  expect(await finish(await ask(second, ['bolt']))).toBe('promoted');
  expect(await soaked(second)).toEqual(['staging']);
  expect(await soaked(third)).toEqual([]);
});
