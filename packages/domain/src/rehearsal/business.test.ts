import { expect, test } from 'vitest';
import { type BusinessRun, businessEvidence, businessReasons } from './business.ts';

const verification = { name: 'billing', digest: 'sha256:1' } as const;
const run = (more: Partial<BusinessRun> = {}): BusinessRun => ({
  which: 'old',
  release: { digest: 'sha256:2', version: '1.0.0' },
  components: ['web'],
  readyMs: 300,
  durationMs: 20,
  tenants: 2,
  transactions: 4,
  failures: [],
  ...more,
});
const next = (more: Partial<BusinessRun> = {}) =>
  run({ which: 'new', release: { digest: 'sha256:3', version: '1.1.0' }, ...more });

test('a version counts by what was carried out and went well, and by nothing else', () => {
  const of = (...runs: readonly BusinessRun[]) => businessEvidence({ verification, runs });
  expect(businessEvidence(undefined)).toBeUndefined();
  expect(of()).toEqual({ old: [], new: false, verification });
  expect(of(run(), next())).toEqual({ old: ['1.0.0'], new: true, verification });
  expect(of(run({ tenants: 0 }), next({ transactions: 0 }))).toEqual({ old: [], new: false, verification });
  expect(of(run({ failures: [{ why: 'x' }] }), next({ failures: [{ why: 'x' }] }))).toEqual({
    old: [],
    new: false,
    verification,
  });
});

test('a version that was started and asked nothing is a reason, as one that failed is, with its check', () => {
  const reasons = (...runs: readonly BusinessRun[]) => businessReasons({ verification, runs });
  expect(businessReasons(undefined)).toEqual([]);
  expect(reasons(run(), next())).toEqual([]);
  expect(reasons(run({ tenants: 0, transactions: 0 }))).toEqual([
    'business transactions of the old version 1.0.0 on the new schema: none was carried out',
  ]);
  expect(
    reasons(next({ failures: [{ tenant: 'acme', check: 'bill/post', why: 'no' }, { why: 'it doesn’t start' }] })),
  ).toEqual([
    'business transactions of the new version 1.1.0 on the new schema: acme, bill/post: no',
    'business transactions of the new version 1.1.0 on the new schema: it doesn’t start',
  ]);
});
