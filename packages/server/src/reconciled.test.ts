/** Statements of compensation plans that were carried out: on a real server, by signed statements, onto the log. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { generateSigningKey, type SigningKey, signingKey, signReconciled } from '@headgate/documents';
import type { ReconciledFacts } from '@headgate/domain';
import { reconciledWell } from '@headgate/testkit/domain/builders';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RealServer } from './testing/real-server.ts';
import { refused, SmallCompany } from './testing/small-company.ts';
import { asSuperuser } from './testing/superuser.ts';

let server: RealServer;
let company: SmallCompany;
let auditor: Client;
let key: SigningKey;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  auditor = await server.client('auditor');
  key = signingKey(generateSigningKey().privateKeyPem);
  const file = join(server.dataDir, 'trust.yaml');
  const trust = JSON.parse(await readFile(file, 'utf8'));
  trust.spec.signers.push({ name: 'agent', may: ['reconciliation'], publicKey: key.publicKeyPem });
  await writeFile(file, JSON.stringify(trust));
});
afterAll(() => server?.remove());

function statement(more: Partial<ReconciledFacts> = {}, by = key): Record<string, unknown> {
  const { evidence: _, keyId: __, ...facts } = reconciledWell(Date.now(), { environment: 'staging', cell: 'stage' });
  return JSON.parse(JSON.stringify(signReconciled({ ...facts, ...more }, by)));
}
const row = async (stream: string) =>
  asSuperuser(server, async (db) => {
    const { rows } = await db.query<{ n: number }>(
      'select count(*)::integer as n from headgate.entry where stream = $1',
      [stream],
    );
    return rows[0]?.n ?? 0;
  });
const record = (bundle: Record<string, unknown>) => company.agent.call('recordReconciliation', { body: { bundle } });

it('records each on the log, once, with the signed bytes behind it, and tells the newest of each store', async () => {
  const bundle = statement({ agrees: false, classes: { doubled: 1 } });
  const { evidence, words } = await record(bundle);
  expect(words).toBe('1 replayed; the sides do NOT agree (1 doubled), the sums are equal');
  await record(bundle);
  const late = statement({ at: Date.now() - 3_600_000, startedAt: Date.now() - 3_700_000 });
  await record(late);
  const { items } = await auditor.call('listReconciliations', { cell: 'stage' });
  expect(items).toMatchObject([{ evidence, by: 'usr_run', approvals: [{ by: 'usr_ann' }], words }]);
  expect((await auditor.call('listReconciliations', { cell: 'live' })).items).toEqual([]);
  const { reconciled } = await auditor.call('showIncident', { hours: 6 });
  expect(reconciled).toMatchObject([{ cell: 'stage', store: 'main', agrees: false, words }]);
  const blob = await auditor.call('getBlob', { digest: evidence });
  expect(JSON.parse(Buffer.from(blob).toString('utf8'))).toEqual(bundle);
});

it('records one statement once, whatever stands beside its signature and by whichever signature of its key', async () => {
  const before = await row('reconciliation/stage/main');
  const facts = { at: Date.now(), startedAt: Date.now() - 1_000 };
  const bundle = JSON.parse(JSON.stringify(statement(facts)));
  const copies = Array.from({ length: 5 }, (_, i) => {
    const copy = structuredClone(bundle);
    copy.verificationMaterial.tlogEntries = [i];
    return copy;
  });
  const { evidence } = await record(copies[0]);
  for (const each of [...copies, bundle, statement(facts)]) await record(each);
  expect(await row('reconciliation/stage/main')).toBe(before + 1);
  const blob = await auditor.call('getBlob', { digest: evidence });
  expect(JSON.parse(Buffer.from(blob).toString('utf8'))).toEqual(bundle);
});

it('believes nobody but a key for reconciliations, and takes a statement of the agent’s own environments alone', async () => {
  const stranger = signingKey(generateSigningKey().privateKeyPem);
  expect(await refused(record(statement({}, stranger)))).toMatchObject({ status: 422, code: 'key-unknown' });
  expect(await refused(record(statement({ environment: 'elsewhere' })))).toMatchObject({ code: 'not-yours' });
  expect(await refused(record(statement({ environment: 'production' })))).toMatchObject({ code: 'not-yours' });
  const developer = await server.client('developer');
  const call = developer.call('recordReconciliation', { body: { bundle: statement() } });
  expect(await refused(call)).toMatchObject({ status: 403 });
});
