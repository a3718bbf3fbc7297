import type { Operation } from '@headgate/domain/model/operation';
import { expect, test } from 'vitest';
import type { VerificationContent } from '../kinds/verification.ts';
import { operationsAsked } from './asked-operations.ts';

const FILE: Operation = {
  name: 'file-return',
  says: 'Not yet.',
  requests: [
    { methods: ['POST'], path: '/returns' },
    { methods: ['PUT'], path: '/returns/*/lines/**' },
  ],
};
const RPC: Operation = { ...FILE, name: 'rpc', requests: [{ methods: ['POST'], path: '/xmlrpc/2/object' }] };

const asked = (request: object) => {
  const steps = [{ stepId: 'ask', request, successCriteria: [{ condition: '$statusCode == 200' }] }];
  const spec = { requestTimeoutMs: 1, workflows: [{ workflowId: 'books', steps }] };
  return operationsAsked(spec as unknown as VerificationContent['spec'], [FILE, RPC]).map(({ operation }) => operation);
};

test.each<[string, object, readonly string[]]>([
  ['behind a tenant’s own prefix', { method: 'POST', path: '/t/{$inputs.tenant}/returns' }, ['file-return']],
  ['where tenants are told by their host', { method: 'POST', path: '/returns?draft=1' }, ['file-return']],
  [
    'with parts that earlier steps answer',
    { method: 'PUT', path: '/t/{$inputs.tenant}/returns/{$steps.make.outputs.id}/lines/1' },
    ['file-return'],
  ],
  ['by XML-RPC, which is POST', { path: '/xmlrpc/2/object', xmlRpc: { method: 'execute_kw' } }, ['rpc']],
  ['with another method: it does not', { method: 'GET', path: '/t/{$inputs.tenant}/returns' }, []],
  ['elsewhere: it does not', { method: 'POST', path: '/t/{$inputs.tenant}/invoices' }, []],
])('a check asks for an operation %s', (_where, request, names) => {
  expect(asked(request)).toEqual(names);
});

test('a check is named by its workflow and its step', () => {
  const steps = [{ stepId: 'file', request: { method: 'POST', path: '/returns' }, successCriteria: [] }];
  const spec = { requestTimeoutMs: 1, workflows: [{ workflowId: 'books', steps }] };
  expect(operationsAsked(spec as unknown as VerificationContent['spec'], [FILE])).toEqual([
    { check: 'books/file', operation: 'file-return' },
  ]);
});
