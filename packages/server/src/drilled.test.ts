/** A store is migrated only once a drill of it went well, lately, and within its targets: on a real server, by signed statements. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { digestOf, generateSigningKey, type SigningKey, signDrill, signingKey } from '@headgate/documents';
import type { DrillFacts } from '@headgate/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { didIt, refused, SmallCompany } from './testing/small-company.ts';

const POLICY = `apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: restore-drilled, params: {rtoMs: 60000, rpoMs: 60000, drillMaxAgeMs: 3600000}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
`;

const TEAM = `apiVersion: headgate/v1
kind: Notification
metadata: {name: team, owner: team-shop}
spec:
  audience: team
  happenings: [drill-failed]
  gatherSeconds: 1
  channels: [{name: hook, type: webhook, url: "http://127.0.0.1:9/", secrets: [{env: HEADGATE_NOTIFY_ONE}]}]
`;

let server: RealServer;
let company: SmallCompany;
let manager: Client;
let vaultKey: SigningKey;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'policy.yaml', text: POLICY }] } });
  vaultKey = signingKey(generateSigningKey().privateKeyPem);
  const file = join(server.dataDir, 'trust.yaml');
  const trust = JSON.parse(await readFile(file, 'utf8'));
  trust.spec.signers.push({ name: 'agent', may: ['restore-point'], publicKey: vaultKey.publicKeyPem });
  await writeFile(file, JSON.stringify(trust));
});
afterAll(() => server?.remove());

/** A drill of the staging cell’s store, by default one that ended a minute ago, and well. */
function statement(more: Partial<DrillFacts> = {}, key = vaultKey): Record<string, unknown> {
  const { at = Date.now() - 60_000 } = more;
  const facts: DrillFacts = {
    from: { environment: 'staging', cell: 'stage', store: 'main' },
    startedAt: at - 20_000,
    at,
    point: {
      ...{ id: 'rp-1', takenAt: at - 50_000, sealedAt: at - 45_000, manifest: digestOf('a manifest') },
      ...{ schemaVersion: 1, form: 'physical', major: 15, bytes: 1_000, files: 3 },
    },
    took: { fetchedMs: 5_000, restoredMs: 10_000, comparedMs: 12_000, checkedMs: 20_000 },
    schemaVersion: 1,
    census: { tables: 1, rows: 10, differences: [], unsettled: [] },
    files: { compared: 0, wrong: [] },
    amcheck: { problems: [] },
    ...more,
  };
  return JSON.parse(JSON.stringify(signDrill(facts, key)));
}
const record = (bundle: Record<string, unknown>) => company.agent.call('recordDrill', { body: { bundle } });

async function verdict(release: Awaited<ReturnType<SmallCompany['release']>>) {
  const { verdicts } = await manager.call('planPromotion', { body: { release, environment: 'staging' } });
  return (verdicts as { gate: string; verdict: string; because: string }[]).find((v) => v.gate === 'restore-drilled');
}

it('is judged by the last drill of each store that the plan migrates', async () => {
  const wide = await company.release('2.0.0', { schemaRange: { min: 1, max: 2 } });
  expect(await verdict(wide)).toMatchObject({ verdict: 'pass', because: 'no store is migrated' });
  const { id: first } = await manager.call('requestPromotion', { body: { release: wide, environment: 'staging' } });
  const ended = async (promotion: string) => (await manager.call('showPromotion', { promotion })).phase === 'ended';
  await company.carryOut(() => ended(first));
  const rollouts = async () => (await manager.call('listRollouts', { promotion: first })).items;
  await expect.poll(async () => (await rollouts()).every((r) => r.phase === 'settled'), { timeout: 10_000 }).toBe(true);

  const up = { name: 'm2.sql', digest: digestOf(company.artifact), size: company.artifact.length };
  const migrations = [{ id: 'm2', from: 1, to: 2, phase: 'expand', up, undo: 'keep' }];
  const release = await company.release('3.0.0', { schemaRange: { min: 1, max: 2 }, migrations });
  expect(await verdict(release)).toMatchObject({ verdict: 'no-data', because: expect.stringContaining('stage/main') });
  const { id } = await manager.call('requestPromotion', { body: { release, environment: 'staging' } });
  const waitsFor = async () => (await manager.call('showPromotion', { promotion: id })).reason ?? '';
  await expect.poll(waitsFor, { timeout: 10_000 }).toContain('gate restore-drilled is no-data');

  // The last one counts, good or bad.
  const older = Date.now() - 180_000;
  await record(statement({ at: older }));
  expect(await verdict(release)).toMatchObject({ verdict: 'pass' });
  const differences = [{ relation: 'public.t', kind: 'rows' as const, promised: 10, found: 9 }];
  await record(statement({ at: older + 1, census: { tables: 1, rows: 9, differences, unsettled: [] } }));
  expect(await verdict(release)).toMatchObject({
    verdict: 'fail',
    because: expect.stringContaining('public.t came back with 9 rows, 10 were promised'),
  });
  await record(statement({ at: older + 2, took: { comparedMs: 60_001 } }));
  expect(await verdict(release)).toMatchObject({
    verdict: 'fail',
    because: expect.stringContaining('1 min are allowed'),
  });
  await record(statement());
  expect(await verdict(release)).toMatchObject({ verdict: 'pass' });
  const { items } = await manager.call('listDrills', { cell: 'stage' });
  expect(items).toMatchObject([
    { cell: 'stage', store: 'main', ok: true, rtoMs: 12_000, rpoMs: 30_000, point: 'rp-1' },
  ]);
  expect((await manager.call('listDrills', { cell: 'live' })).items).toEqual([]);
  await company.carryOut(
    () => ended(id),
    (assignment) => {
      const { action } = assignment;
      return action.kind === 'migrate' ? { kind: 'done', result: { schemaVersion: action.to } } : didIt(assignment);
    },
  );
  expect(await manager.call('showPromotion', { promotion: id })).toMatchObject({ result: 'promoted' });
}, 60_000);

it('tells people of one that did not go well, and of none that did', async () => {
  const admin = await server.client('admin');
  const told = async () => (await admin.call('listDeliveries', { limit: 200 })).items;
  await manager.call('applyDocuments', { body: { files: [{ name: 'team.yaml', text: TEAM }] } });
  await record(statement({ at: Date.now() - 50_000 }));
  await record(statement({ at: Date.now() - 40_000, amcheck: { problems: ['orders_pkey is broken'] } }));
  await expect
    .poll(told, { timeout: 20_000 })
    .toMatchObject([{ about: 'drill-failed', urgent: false, promotion: null }]);
}, 60_000);

it('believes nobody but a key for restore points, and takes a statement for its own store alone', async () => {
  const stranger = signingKey(generateSigningKey().privateKeyPem);
  expect(await refused(record(statement({}, stranger)))).toMatchObject({ status: 422, code: 'key-unknown' });
  expect(await refused(record(statement({}, company.key)))).toMatchObject({ status: 422, code: 'key-not-allowed' });
  const from = { environment: 'production', cell: 'stage', store: 'main' };
  expect(await refused(record(statement({ from })))).toMatchObject({ status: 403, code: 'not-yours' });
  const developer = await server.client('developer');
  const call = developer.call('recordDrill', { body: { bundle: statement() } });
  expect(await refused(call)).toMatchObject({ status: 403 });
});
