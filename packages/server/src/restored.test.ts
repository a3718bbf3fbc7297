/** Statements of what was brought back: on a real server, by signed statements, onto the log. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { generateSigningKey, type SigningKey, signingKey, signRestoration } from '@headgate/documents';
import type { RestorationFacts } from '@headgate/domain';
import { restoredWell } from '@headgate/testkit/domain/builders';
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
  trust.spec.signers.push({ name: 'agent', may: ['restore-point'], publicKey: key.publicKeyPem });
  await writeFile(file, JSON.stringify(trust));
});
afterAll(() => server?.remove());

function statement(more: Partial<RestorationFacts> = {}, by = key): Record<string, unknown> {
  const { evidence: _, keyId: __, ...facts } = restoredWell(Date.now(), { environment: 'staging', cell: 'stage' });
  return JSON.parse(JSON.stringify(signRestoration({ ...facts, ...more }, by)));
}
const record = (bundle: Record<string, unknown>) => company.agent.call('recordRestoration', { body: { bundle } });
const WORDS =
  'store main brought back IN PLACE, with its tenant ada, to just before prm_1.shared migrated the store (from rp-1); 2 rows lost, 1 came back, agreed by usr_ann; because: invoices were lost';

it('records each on the log, once, with the signed bytes behind it; lists, the incident and the log’s own words tell it', async () => {
  const bundle = statement();
  const { evidence, words } = await record(bundle);
  expect(words).toBe(WORDS);
  await record(bundle);
  const { evidence: _, keyId: __, ...facts } = restoredWell(Date.now(), { environment: 'staging', cell: 'stage' });
  const at = { at: Date.now() - 3_600_000, startedAt: Date.now() - 3_700_000 };
  const late = { ...facts, ...at, kind: 'exercise', result: 'failed', failed: 'store/main', rows: undefined } as const;
  const { rows: ___, ...exercise } = late;
  await record(JSON.parse(JSON.stringify(signRestoration(exercise, key))));
  const { items } = await auditor.call('listRestorations', { cell: 'stage' });
  expect(items).toMatchObject([
    { evidence, by: 'usr_run', approvals: [{ by: 'usr_ann' }], words: WORDS },
    { kind: 'exercise', result: 'failed', words: expect.stringMatching(/^NOT done \(store\/main\): the cell rebuilt/) },
  ]);
  expect((await auditor.call('listRestorations', {})).items).toMatchObject([{ evidence }]);
  expect((await auditor.call('listRestorations', { cell: 'live' })).items).toEqual([]);
  const { restored } = await auditor.call('showIncident', { hours: 6 });
  expect(restored).toMatchObject([
    { cell: 'stage', done: false, words: expect.stringContaining('NOT done') },
    { cell: 'stage', done: true, by: 'usr_run', words: WORDS },
  ]);
  const blob = await auditor.call('getBlob', { digest: evidence });
  expect(JSON.parse(Buffer.from(blob).toString('utf8'))).toEqual(bundle);
  const entries = await asSuperuser(server, async (db) => {
    const { rows } = await db.query(
      `select count(*)::integer as n from headgate.entry where stream = 'restoration/stage'`,
    );
    return rows[0]?.n;
  });
  expect(entries).toBe(2);
});

it('believes nobody but a key for restore points, and takes a statement of the agent’s own environments alone', async () => {
  const stranger = signingKey(generateSigningKey().privateKeyPem);
  expect(await refused(record(statement({}, stranger)))).toMatchObject({ status: 422, code: 'key-unknown' });
  expect(await refused(record(statement({}, company.key)))).toMatchObject({ status: 422, code: 'key-not-allowed' });
  expect(await refused(record(statement({ environment: 'elsewhere' })))).toMatchObject({ code: 'not-yours' });
  expect(await refused(record(statement({ environment: 'production' })))).toMatchObject({ code: 'not-yours' });
  const developer = await server.client('developer');
  const call = developer.call('recordRestoration', { body: { bundle: statement() } });
  expect(await refused(call)).toMatchObject({ status: 403 });
});
