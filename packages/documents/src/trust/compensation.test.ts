/** Plan files, their approvals, and the statement of what came of them: as bytes from outside. */
import { createPublicKey } from 'node:crypto';
import { type CompensationPlan, compensationOf, type ReconciledFacts } from '@headgate/domain';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../canonical.ts';
import { digestOf, digestOfJson } from '../digest.ts';
import { openApproval, signApproval } from './approval.ts';
import { openCompensationApproval, signCompensationApproval } from './compensation-approval.ts';
import {
  compensationPlanText,
  compensationPlanWords,
  MAX_PLAN_BYTES,
  openCompensationPlan,
} from './compensation-plan.ts';
import { openReconciled, signReconciled } from './reconciled.ts';
import { generateSigningKey, signingKey } from './signing-key.ts';
import type { Duty, TrustedSigner } from './trust.ts';

const key = signingKey(generateSigningKey().privateKeyPem);
const trusted = (may: readonly Duty[], principal?: string): { readonly signers: readonly TrustedSigner[] } => ({
  signers: [
    {
      ...{ name: 'ann', keyId: key.keyId, publicKey: createPublicKey(key.publicKeyPem), may },
      ...(principal !== undefined && { principal }),
    },
  ],
});
const ANN = trusted(['approval'], 'usr_ann');

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
  { field: 'total', minorDigits: 2 },
);

describe('a plan file', () => {
  test('is canonical JSON whose SHA-256 is the plan’s name, and is read as it was written', () => {
    const written = compensationPlanText(plan);
    const text = written.ok ? written.text : '';
    expect(openCompensationPlan(text)).toEqual({ ok: true, plan, digest: digestOfJson(plan) });
    expect(digestOf(text)).toBe(digestOfJson(plan));
    expect(compensationPlanWords(plan, digestOfJson(plan)).join('\n')).toMatch(
      /1\. Send again[\s\S]*EUR 119\.00 in the store alone[\s\S]*Risk: medium: EUR 119\.00 stands between/,
    );
  });

  test.each<[string, (plan: CompensationPlan) => unknown]>([
    ['a lower risk', (p) => ({ ...p, risk: { level: 'low', because: ['trust me'] } })],
    ['less at stake', (p) => ({ ...p, atStake: [] })],
    ['fewer tenants', (p) => ({ ...p, tenants: 0 })],
    ['another threshold', (p) => ({ ...p, money: { ...p.money, highFrom: 1 } })],
  ])('that says %s than its lines come to is refused', (_, change) => {
    expect(openCompensationPlan(canonicalJson(change(plan)))).toMatchObject({ ok: false, code: 'plan-not-derived' });
  });

  test.each<[string, string, string]>([
    ['no JSON', '{', 'plan-malformed'],
    ['a field too many', canonicalJson({ ...plan, more: 1 }), 'plan-malformed'],
    ['an effect that there isn’t', canonicalJson(plan).replace('"replay"', '"drop"'), 'plan-malformed'],
    ['an amount that is none', canonicalJson(plan).replace('"11900"', '"1e9"'), 'plan-malformed'],
    ['too many bytes', ' '.repeat(MAX_PLAN_BYTES + 1), 'plan-too-large'],
  ])('of %s is refused', (_, text, code) => {
    expect(openCompensationPlan(text)).toMatchObject({ ok: false, code, unblock: expect.stringContaining('--plan') });
  });
});

describe('an approval of a plan', () => {
  const content = { plan: digestOfJson(plan), by: 'usr_ann', at: 1_000, notAfter: 2_000 };

  test('says whose it is, of which plan, and until when', () => {
    expect(openCompensationApproval(signCompensationApproval(content, key), ANN)).toMatchObject({
      ok: true,
      approval: content,
    });
  });

  test('counts by a key for approvals of that very person alone', () => {
    const bundle = signCompensationApproval(content, key);
    const code = (trust: typeof ANN, of: unknown = bundle) => {
      const opened = openCompensationApproval(of, trust);
      return opened.ok ? 'ok' : opened.code;
    };
    expect(code({ signers: [] })).toBe('key-unknown');
    expect(code(trusted(['evidence']))).toBe('key-not-allowed');
    expect(code(trusted(['approval'], 'usr_bob'))).toBe('approval-not-own');
    expect(code(ANN, signCompensationApproval({ ...content, notAfter: 1_000 }, key))).toBe('approval-malformed');
  });

  test('is none of a promotion, nor the other way round', () => {
    const promotion = signApproval({ envelope: content.plan, by: 'usr_ann', at: 1_000, expiresAt: 2_000 }, key);
    expect(openCompensationApproval(promotion, ANN)).toMatchObject({ ok: false, code: 'wrong-predicate' });
    const bundle = signCompensationApproval(content, key);
    expect(openApproval(bundle, ANN)).toMatchObject({ ok: false, code: 'wrong-predicate' });
  });
});

describe('the statement of what came of a plan', () => {
  const sum = { field: 'total', unit: 'EUR', left: '11900', right: '0' };
  const facts: ReconciledFacts = {
    ...{ environment: 'production', cell: 'shared', store: 'main', reconciliation: 'invoices' },
    ...{ document: plan.document, plan: digestOfJson(plan), risk: 'medium', by: 'usr_run', begun: 1 },
    approvals: [{ by: 'usr_ann', digest: digestOf('yes') }],
    ...{ startedAt: 1_000, at: 2_000, compared: 9, classes: { doubled: 1 }, agrees: false },
    done: { replayed: 1, acknowledged: 0, cancelled: 0, posted: 0 },
    lines: { planned: 1, covered: 1, gone: 0, leftAlone: 0, asked: 0 },
    ...{ before: [sum], after: [sum] },
  };

  test('is read as it was signed, by a key for reconciliations and by no other', () => {
    const bundle = signReconciled(facts, key);
    expect(openReconciled(bundle, trusted(['reconciliation']))).toMatchObject({ ok: true, reconciled: facts });
    expect(openReconciled(bundle, trusted(['restore-point', 'evidence', 'release']))).toMatchObject({
      code: 'key-not-allowed',
    });
  });

  test.each<[string, Partial<ReconciledFacts>, RegExp]>([
    ['something is caught', { after: [] }, /both sides agree, and 1 doubled/],
    ['the sums differ', { classes: {} }, /their sums aren’t equal/],
  ])('is none where it says that both sides agree, and %s', (_, more, why) => {
    const opened = openReconciled(
      signReconciled({ ...facts, ...more, agrees: true }, key),
      trusted(['reconciliation']),
    );
    expect(opened).toMatchObject({ code: 'reconciliation-malformed', why: expect.stringMatching(why) });
  });

  test('is signed of nothing that nobody could read', () => {
    expect(() => signReconciled({ ...facts, begun: 0 }, key)).toThrow();
  });
});
