/** What a plan is refused for before anybody looks at a store. */
import { generateKeyPairSync } from 'node:crypto';
import { canonicalJson, digestOf, digestOfJson, signCompensationApproval, signingKey } from '@headgate/documents';
import { reconciliation } from '@headgate/documents/kinds/reconciliation';
import { type CompensationPlan, compensationOf } from '@headgate/domain';
import { expect, test } from 'vitest';
import type { CarryOutAsk } from './carry-out-ask.ts';
import { judgeAsk } from './judge-ask.ts';

const document = reconciliation.document.parse({
  ...{ apiVersion: 'headgate/v1', kind: 'Reconciliation', metadata: { name: 'invoices', owner: 'team' } },
  spec: {
    left: { sql: 'select 1' },
    right: { connection: 'ledger', path: '/entries?tenant={tenant}', items: '/items' },
    ...{ key: { left: 'key', right: 'key' }, tenant: { left: 'tenant' } },
    ...{ compare: [{ name: 'total', left: 'total', right: 'total', as: 'number' }], rules: [] },
  },
});
const place = {
  ...{ reconciliation: 'invoices', document: digestOfJson(document), environment: 'production' },
  ...{ cell: 'shared', store: 'main', among: ['acme'] },
};
const tenants = { acme: { store: 'main', ring: 'pilot' }, other: { store: 'second', ring: 'pilot' } };
const cells = [{ kind: 'process', cell: 'shared', environment: 'production', tenants }] as never;

function codeOf(
  plan: Partial<CompensationPlan> = {},
  environment: object = {},
  ask: Partial<CarryOutAsk> = {},
): string | undefined {
  const text = canonicalJson(compensationOf({ ...place, ...plan }, []));
  const asked: CarryOutAsk = { plan: text, document: { ...document }, approvals: [], user: 'uid-1', ...ask };
  const config = { cells, environments: [{ name: 'production', ...environment }] };
  const judged = judgeAsk(asked, config, { signers: [] }, Date.now());
  return judged.ok ? 'ok' : judged.refusal.code;
}

test('a plan of this agent’s store, by its own document, that needs no approval is carried out', () => {
  expect(codeOf()).toBe('ok');
});

test.each<[string, Partial<CompensationPlan>]>([
  ['of a cell that is another agent’s', { cell: 'far' }],
  ['of another environment’s cell of that name', { environment: 'staging' }],
  ['of another store', { store: 'second' }],
  ['that was made of a tenant who is gone', { among: ['acme', 'gone'] }],
  ['that names what every object has as a tenant', { among: ['constructor'] }],
])('one %s is refused', (_, plan) => {
  expect(codeOf(plan)).toBe('other-place');
});

test('a document that isn’t the plan’s, that is none, or that nobody pinned is refused', () => {
  expect(codeOf({ document: digestOf('another') })).toBe('other-document');
  expect(codeOf({}, {}, { document: {} })).toBe('other-document');
  expect(codeOf({}, { documents: [digestOf('another')] })).toBe('other-document');
  expect(codeOf({}, { documents: [place.document] })).toBe('ok');
});

test('an approval that can’t be opened is named, whatever else is there', () => {
  expect(codeOf({}, {}, { approvals: [{ file: 'ann.json', bundle: {} }] })).toBe('bundle-malformed');
});

test('a key that the agent doesn’t know yet is unblocked by what a person types once it was added to the file', () => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const now = Date.now();
  const plan = canonicalJson(compensationOf(place, []));
  const yes = { plan: digestOf(plan), by: 'usr_ann', at: now, notAfter: now + 1_000 };
  const approvals = [{ file: 'ann.json', bundle: signCompensationApproval(yes, signingKey(pem)) }];
  const config = { cells, environments: [{ name: 'production' }] };
  const ask: CarryOutAsk = { plan, document: { ...document }, approvals, user: 'uid-1' };
  expect(judgeAsk(ask, config, { signers: [] }, now)).toMatchObject({
    refusal: { code: 'key-unknown', unblock: expect.stringContaining('headgate-agent run --config FILE') },
  });
});
