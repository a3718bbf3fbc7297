/** An approver's yes to a plan, on a machine where no server is; and what was carried out, as people list it. */
import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compensationPlanText,
  digestOf,
  generateSigningKey,
  openCompensationApproval,
  signingKey,
  signReconciled,
} from '@headgate/documents';
import { compensationOf } from '@headgate/domain';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { reconciledWell } from '@headgate/testkit/domain/builders';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let server: RealServer;
let dir: string;
const pem = generateSigningKey().privateKeyPem;
const key = signingKey(pem);
const agentKey = signingKey(generateSigningKey().privateKeyPem);
const plan = compensationOf(
  {
    ...{ reconciliation: 'invoices', document: digestOf('document') },
    ...{ environment: 'production', cell: 'shared', store: 'main', among: ['acme'] },
  },
  [
    {
      ...{ key: 'acme/1', tenant: 'acme', class: 'half-done', rule: 'not-posted', effect: 'replay', why: 'not-posted' },
      amounts: [{ field: 'total', unit: 'EUR', left: '11900', right: null }],
    },
  ],
);
const written = compensationPlanText(plan);
const text = written.ok ? written.text : '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-approve-plan-'));
  await writeFile(join(dir, 'plan.json'), text);
  await writeFile(join(dir, 'lying.json'), text.replace('"medium"', '"low"'));
  await writeFile(join(dir, 'ann.pem'), pem, { mode: 0o600 });
  server = await RealServer.start();
  await SmallCompany.found(server);
  const file = join(server.dataDir, 'trust.yaml');
  const trust = JSON.parse(await readFile(file, 'utf8'));
  trust.spec.signers.push({ name: 'agent', may: ['reconciliation'], publicKey: agentKey.publicKeyPem });
  await writeFile(file, JSON.stringify(trust));
});
afterAll(async () => {
  await server?.remove();
  await rm(dir, { recursive: true, force: true });
});

const offline = (...args: string[]) => ranCommand(['reconcile', ...args], { env: {}, cwd: dir });
const headgate = (...args: string[]) =>
  ranCommand(['reconcile', ...args], { env: { HEADGATE_DATA: server.dataDir }, cwd: dir });
const APPROVE = ['approve', 'plan.json', '--key', 'ann.pem', '--approver', 'usr_ann', '--out', 'ann.json'];

test('a plan is shown whole, with its risk, and signed for a while by the approver’s own key', async () => {
  const { code, out } = await offline(...APPROVE, '--yes', '--hours', '2');
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining(digestOf(text)) });
  expect(out).toMatch(/1\. Send again[\s\S]*Risk: medium[\s\S]*approved by usr_ann until/);
  const signer = { name: 'ann', keyId: key.keyId, publicKey: createPublicKey(key.publicKeyPem) };
  const trust = { signers: [{ ...signer, may: ['approval'] as const, principal: 'usr_ann' }] };
  const opened = openCompensationApproval(await readFile(join(dir, 'ann.json'), 'utf8'), trust);
  expect(opened).toMatchObject({ ok: true, approval: { by: 'usr_ann', plan: digestOf(text) } });
  expect(opened.ok && opened.approval.notAfter - opened.approval.at).toBe(2 * 3_600_000);
  // It may be the only one: a second yes is written over nothing.
  const first = await readFile(join(dir, 'ann.json'), 'utf8');
  expect(await offline(...APPROVE, '--yes')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/ann\.json is there already, and nothing is written over it/),
  });
  expect(await readFile(join(dir, 'ann.json'), 'utf8')).toBe(first);
});

test.each<[string, readonly string[], number, RegExp]>([
  ['nobody can be asked', [], 2, /read the plan, and give --yes/],
  ['it is for too long', ['--yes', '--hours', '169'], 2, /--hours: expected a number up to 168/],
  ['the key is none', ['--yes', '--key', 'plan.json'], 2, /plan\.json/],
])('nothing is signed where %s', async (_, more, code, words) => {
  const ran = await offline(...APPROVE.map((each) => (each === 'ann.json' ? 'never.json' : each)), ...more);
  expect(ran).toMatchObject({ code, out: expect.stringMatching(words) });
  await expect(readFile(join(dir, 'never.json'))).rejects.toThrow();
});

test('a plan that says less risk than its lines come to is not put before anybody', async () => {
  const ran = await offline(...APPROVE.map((each) => (each === 'plan.json' ? 'lying.json' : each)), '--yes');
  expect(ran).toMatchObject({ code: 6, out: expect.stringContaining('are not what its lines come to') });
  expect(ran.out).not.toContain('Send again');
});

test('what was carried out is listed by store, and a statement is brought where its agent can’t', async () => {
  expect(await headgate('list')).toMatchObject({ code: 0, out: '(none)\n' });
  const { evidence: _, keyId: __, ...facts } = reconciledWell(Date.now(), { environment: 'staging', cell: 'stage' });
  await writeFile(join(dir, 'statement.json'), JSON.stringify(signReconciled({ ...facts, agrees: false }, agentKey)));
  const recorded = await headgate('record', 'statement.json');
  expect(recorded).toMatchObject({ code: 0, out: expect.stringMatching(/^stage\/main: 1 replayed; the sides do NOT/) });
  const incident = await ranCommand(['incident'], { env: { HEADGATE_DATA: server.dataDir }, cwd: dir });
  expect(incident.out).toMatch(
    /WHAT PEOPLE RECONCILED\n\S+ staging\/stage\/main by usr_run: 1 replayed; the sides do NOT/,
  );
  const { code, out } = await headgate('list', '--cell', 'stage');
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/staging\/stage\/main +invoices +\S+ +do NOT agree +usr_run +usr_ann +1 replayed;/),
  ]);
  // Sides that agree for one tenant of eight are no store whose sides agree.
  const some = { ...facts, at: Date.now(), agrees: true, classes: {}, after: [], some: { tenants: 1, of: 8 } };
  await writeFile(join(dir, 'some.json'), JSON.stringify(signReconciled(some, agentKey)));
  expect(await headgate('record', 'some.json')).toMatchObject({
    out: expect.stringMatching(/^stage\/main: of 1 of the store’s 8 tenants alone: 1 replayed; both sides agree/),
  });
  expect(await headgate('list', '--cell', 'stage')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/ agree, 1 of 8 tenants +usr_run/),
  });
});
