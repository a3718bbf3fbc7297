/** Where a policy asks for masked copies, a store that isn't one is neither adopted nor promoted to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from '../testing/real-server.ts';
import { refused, SmallCompany } from '../testing/small-company.ts';

const ENVIRONMENT = `
apiVersion: headgate/v1
kind: Policy
metadata: {name: masked, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: approval, params: {count: 1}}]
  rollbackScope: all
  maskedCopies: required
  maskingRules: [sha256:${'ab'.repeat(32)}]
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
---
apiVersion: headgate/v1
kind: Application
metadata: {name: shop, owner: team-shop}
spec:
  tenancy: rows
  components: [{name: web, role: web, recovery: stateless}]
  pipeline: [staging, training, production]
  rings: [{name: pilot, soakMs: 0}, {name: broad, soakMs: 0}]
  verification: shop-works
---
apiVersion: headgate/v1
kind: Environment
metadata: {name: training, owner: team-shop}
spec: {application: shop, policy: masked, calendars: [], agent: agt-shop}
---
apiVersion: headgate/v1
kind: Cell
metadata: {name: school, owner: team-shop}
spec: {environment: training, slots: [blue, green], stores: [{name: main}]}
`;
const OWN = `sha256:${'ab'.repeat(32)}`;
const SOUND = { of: 'rp-1', maskedBy: OWN, leaks: 0 };

let server: RealServer;
let company: SmallCompany;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  const [manager, admin] = await Promise.all([server.client('release-manager'), server.client('admin')]);
  await manager.call('applyDocuments', { body: { files: [{ name: 'training.yaml', text: ENVIRONMENT }] } });
  await admin.call('widenAgent', { id: 'agt_shop', body: { environments: ['training'] } });
}, 60_000);
afterAll(() => server?.remove());

async function observe(copy: object | undefined): Promise<void> {
  const seen = company.observation('school', 'training');
  const stores = { main: { schemaVersion: 1, ...(copy !== undefined && { copy }) } };
  await company.agent.call('observeCell', { cell: 'school', body: { ...seen, stores } as never });
}

const adopt = async () =>
  (await server.client('release-manager')).call('adoptCell', {
    cell: 'school',
    body: { manifests: [company.baseline.manifest] },
  });

test.each<[string, object | undefined, string, string]>([
  ['production’s own database', undefined, 'copy-unmarked', 'isn’t marked as a copy'],
  ['a copy that isn’t masked', { of: 'rp-1' }, 'copy-unmasked', 'it isn’t masked'],
  [
    'one that is masked by other rules',
    { ...SOUND, maskedBy: `sha256:${'cd'.repeat(32)}` },
    'copy-other-rules',
    'which the policy doesn’t name',
  ],
  ['one that nobody searched', { of: 'rp-1', maskedBy: OWN }, 'copy-unscanned', 'nobody looked'],
  ['one with originals left', { ...SOUND, leaks: 2 }, 'copy-leaks', '2 places'],
])('%s isn’t adopted', async (_, copy, code, why) => {
  await observe(copy);
  const problem = await refused(adopt());
  expect(problem).toMatchObject({ status: 409, code });
  expect(problem.problem.refusals[0]).toMatchObject({ where: 'store/main', why: expect.stringContaining(why) });
});

test('a sound one is adopted, and once it is exchanged for another nothing is promoted to it', async () => {
  await observe(SOUND);
  const adopted = await adopt();
  expect(adopted.desired?.stores).toEqual({ main: { schemaVersion: 1 } });
  const [developer, release] = [await server.client('developer'), await company.release('2.0.0')];
  const body = { release, environment: 'training' };
  await developer.call('planPromotion', { body });
  await observe(undefined);
  const problem = await refused(developer.call('planPromotion', { body }));
  expect(problem).toMatchObject({ code: 'copy-unmarked' });
  expect(problem.problem.refusals[0]?.unblock).toContain('headgate mask mark-copy');
});

test('one that is exchanged between plan and approval holds the promotion until a sound one stands there again', async () => {
  await observe(SOUND);
  const [developer, approver, auditor] = await Promise.all(
    ['developer', 'approver', 'auditor'].map((role) => server.client(role)),
  );
  const release = await company.release('3.0.0');
  const { id, envelope } = await developer!.call('requestPromotion', { body: { release, environment: 'training' } });
  await observe(undefined);
  await approver!.call('approvePromotion', { promotion: id, body: { envelope } });
  const show = () => auditor!.call('showPromotion', { promotion: id });
  const steps = await company.carryOut(async () => /masked copies/.test((await show()).reason ?? ''));
  expect(steps).toEqual([]);
  const { phase, wave, reason } = await show();
  expect({ phase, wave }).toEqual({ phase: 'awaiting', wave: 0 });
  expect(reason).toContain('cell/school/store/main: it isn’t marked as a copy; restore it');
  const { waits } = await auditor!.call('explainPromotion', { promotion: id });
  expect(JSON.stringify(waits)).toContain('cell/school/store/main');

  await observe(SOUND);
  await company.carryOut(async () => (await show()).phase === 'ended');
  expect(await show()).toMatchObject({ result: 'promoted' });
}, 60_000);
