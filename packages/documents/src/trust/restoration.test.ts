/** A statement of a restoration says what it may say, and nothing that a log can't hold. */
import { createPublicKey } from 'node:crypto';
import { type RestorationFacts, restorationText } from '@headgate/domain';
import { restoredWell } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { oneLine, openRestoration, signRestoration } from './restoration.ts';
import { generateSigningKey, signingKey } from './signing-key.ts';
import type { Duty } from './trust.ts';

const key = signingKey(generateSigningKey().privateKeyPem);
const { evidence: _, keyId: __, ...FACTS } = restoredWell();
const trusted = (may: readonly Duty[]) => ({
  signers: [{ name: 'agent', keyId: key.keyId, publicKey: createPublicKey(key.publicKeyPem), may }],
});

test('it is opened as it was signed, by a key for restore points and by no other', () => {
  const bundle = signRestoration(FACTS, key);
  expect(openRestoration(bundle, trusted(['restore-point']))).toMatchObject({ ok: true, restoration: FACTS });
  expect(openRestoration(bundle, trusted(['reconciliation', 'release', 'evidence']))).toMatchObject({
    ok: false,
    code: 'key-not-allowed',
  });
});

test.each<[string, object]>([
  ['two lines in a reason', { because: 'a\nb' }],
  ['a terminal’s control characters', { moment: '\u001b[2Jnow' }],
  ['half a character', { failed: 'a\ud800' }],
  ['a reason without an end', { because: 'x'.repeat(501) }],
  ['more tenants than are named', { tenants: Array.from({ length: 101 }, (_, i) => `t-${i}`) }],
  ['a word of its own', { kind: 'sideways' }],
  ['a field that nobody knows', { sql: 'select 1' }],
])('%s is never signed', (_, more) => {
  expect(() => signRestoration({ ...FACTS, ...more } as RestorationFacts, key)).toThrow();
});

test('words of a person’s become one line of at most so many characters, and no half of one', () => {
  expect(oneLine(' it\nwas\u001b[2J late ', 100)).toBe('it was [2J late');
  expect(oneLine('ab😀', 3)).toBe('ab\ufffd');
});

test('each kind is told in one sentence, with what it ended at', () => {
  const told = (more: Partial<RestorationFacts>) => {
    const { rows: _, ...rest } = FACTS;
    return restorationText({ ...rest, approvals: [], because: 'why', moment: 'then', ...more });
  };
  expect(told({ kind: 'beside' })).toBe('store main brought back beside itself, to then (from rp-1); because: why');
  expect(told({ kind: 'tenant', rows: { back: 1, away: 2, changed: 3 } })).toBe(
    'rows of ada in the store main brought back, to then (from rp-1); 1 rows came back, 2 taken away, 3 changed; because: why',
  );
  expect(told({ kind: 'rebuild', approvals: [{ by: 'usr_ann', digest: digestOf('yes') }] })).toBe(
    'the cell rebuilt for good, to then (1 store), agreed by usr_ann; because: why',
  );
  expect(told({ result: 'taken-back', failed: 'check', tenants: ['ada', 'bob'], tenantCount: 2 })).toBe(
    'begun and taken back (check): store main brought back IN PLACE, with all of its 2 tenants, to then (from rp-1); because: why',
  );
});
