/** The gate go-no-go over a real server: asked for once, said by who may, and nothing that loses data begins before. */
import { digestOf } from '@headgate/documents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealServer } from '../testing/real-server.ts';
import { didIt, refused, SmallCompany } from '../testing/small-company.ts';

const UP = Buffer.from('alter table invoice alter column total type bigint;\n');
const POLICY = `
apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: approval, params: {count: 1}}, {gate: go-no-go}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

let server: RealServer;
let company: SmallCompany;
let release: Awaited<ReturnType<SmallCompany['release']>>;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  const [manager, developer] = await Promise.all([server.client('release-manager'), server.client('developer')]);
  await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
  await developer.call('putBlob', { digest: digestOf(UP), body: UP });
  const up = { name: 'm2.up.sql', digest: digestOf(UP), size: UP.length };
  const migrations = [
    { id: 'm1', from: 0, to: 1, phase: 'expand', up, undo: 'keep' },
    { id: 'm2', from: 1, to: 2, phase: 'expand', up, undo: 'restore' },
  ];
  release = await company.release('2.0.0', { schemaRange: { min: 2, max: 2 }, migrations });
}, 60_000);
afterAll(() => server?.remove());

async function asked(): Promise<string> {
  const [developer, approver, auditor] = await Promise.all(
    ['developer', 'approver', 'auditor'].map((role) => server.client(role)),
  );
  const { id, envelope } = await developer!.call('requestPromotion', { body: { release, environment: 'production' } });
  expect(await refused(approver!.call('sayGo', { promotion: id, body: { reason: 'too early' } }))).toMatchObject({
    code: 'nothing-asked',
    status: 409,
  });
  await approver!.call('approvePromotion', { promotion: id, body: { envelope } });
  const before = await company.carryOut(
    async () => (await auditor!.call('showPromotion', { promotion: id })).goAsked !== undefined,
  );
  expect(before.map(({ action }) => action.kind)).toEqual([]);
  return id;
}

test('a promotion waits before its point of no return, says so, and goes on after a go', async () => {
  const promotion = await asked();
  const [developer, operator, manager, auditor] = await Promise.all(
    ['developer', 'operator', 'release-manager', 'auditor'].map((role) => server.client(role)),
  );
  const shown = await manager!.call('showPromotion', { promotion });
  expect(shown).toMatchObject({ phase: 'advancing', goAsked: { cell: 'live' } });
  expect(shown.actions.go).toMatchObject({ allowed: true });
  const { waits } = await auditor!.call('explainPromotion', { promotion });
  expect(JSON.stringify(waits)).toContain(`headgate go ${promotion} --reason`);
  for (const who of [developer, operator])
    expect(await refused(who!.call('sayGo', { promotion, body: { reason: 'x' } }))).toMatchObject({ status: 403 });

  const said = await manager!.call('sayGo', { promotion, body: { reason: 'the night is quiet' } });
  expect(said.go).toMatchObject({ by: 'usr_release-manager', reason: 'the night is quiet' });
  const steps = await company.carryOut(
    async () => (await auditor!.call('showPromotion', { promotion })).phase === 'ended',
    (assignment) => {
      const { action } = assignment;
      return action.kind === 'migrate' ? { kind: 'done', result: { schemaVersion: action.to } } : didIt(assignment);
    },
  );
  expect(steps.map(({ action }) => action.kind)).toContain('migrate');
  expect(await auditor!.call('showPromotion', { promotion })).toMatchObject({ result: 'promoted' });
}, 60_000);
