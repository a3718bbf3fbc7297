/** A policy that is made stricter while a promotion waits holds for that promotion, too: against a real server. */
import type { Client } from '@headgate/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { DOCUMENTS, refused, SmallCompany } from './testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let approver: Client;
beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  manager = await server.client('release-manager');
  approver = await server.client('approver');
});
afterAll(() => server?.remove());

const apply = (text: string) => manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text }] } });

it('what waits under a policy that was replaced waits on, says how it is asked for anew, and goes on once that is taken back', async () => {
  const release = await company.release('2.0.0');
  const { id, envelope } = await manager.call('requestPromotion', { body: { release, environment: 'production' } });
  await apply(DOCUMENTS.replace('{gate: approval, params: {count: 1}}', '{gate: approval, params: {count: 2}}'));
  const early = await refused(approver.call('approvePromotion', { promotion: id, body: { envelope } }));
  expect(early).toMatchObject({ code: 'policy-replaced', message: expect.stringContaining('yours would be spent') });
  const shown = () => approver.call('showPromotion', { promotion: id });
  await expect.poll(async () => (await shown()).reason, { timeout: 20_000 }).toContain('gate policy is fail');
  const { gates, waits } = await approver.call('explainPromotion', { promotion: id });
  expect(gates[0]).toMatchObject({
    gate: 'policy',
    verdict: 'fail',
    because: expect.stringMatching(/is in force since/),
  });
  expect(waits[0]?.unblock[0]?.what).toMatch(
    new RegExp(`headgate reject ${id} --reason .*headgate promote ${release} --to`),
  );
  expect((await company.agent.call('leaseStep', { body: { waitMs: 500 } })).assignment).toBeNull();

  // Asked for anew it is planned under what is in force, and one approval isn't enough there.
  const other = await manager.call('requestPromotion', { body: { release, environment: 'production' } });
  await approver.call('approvePromotion', { promotion: other.id, body: { envelope: other.envelope } });
  const anew = await approver.call('explainPromotion', { promotion: other.id });
  expect(anew.gates).toMatchObject([
    { gate: 'signature', verdict: 'pass' },
    { gate: 'tests-passed' },
    { gate: 'approval', verdict: 'pending', because: expect.stringContaining('1 of 2') },
  ]);
  expect(await refused(manager.call('rejectPromotion', { promotion: other.id, body: { reason: '' } }))).toMatchObject({
    status: 422,
  });
  await manager.call('rejectPromotion', { promotion: other.id, body: { reason: 'enough seen' } });

  const { items } = await approver.call('listPromotions', { environment: 'production', open: 'true' });
  expect(items.find((each) => each.id === id)).toMatchObject({
    policyReplaced: { unblock: expect.stringContaining(`headgate reject ${id}`) },
    actions: { approve: { allowed: false } },
  });
  expect((await shown()).approvals).toEqual([]);

  await apply(DOCUMENTS);
  await approver.call('approvePromotion', { promotion: id, body: { envelope } });
  await company.carryOut(async () => (await shown()).phase === 'ended');
  expect(await shown()).toMatchObject({ result: 'promoted' });
}, 60_000);
