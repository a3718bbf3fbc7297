import { createPublicKey } from 'node:crypto';
import type { DrillFacts } from '@headgate/domain';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { openEvidence } from '../evidence/open-evidence.ts';
import { RESTORE_DRILL_PREDICATE } from './predicates.ts';
import { openDrill, signDrill } from './restore-drill.ts';
import { signStatement } from './sign.ts';
import { generateSigningKey, signingKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Duty } from './trust.ts';

const pair = generateSigningKey();
const key = signingKey(pair.privateKeyPem);
const trusting = (...may: Duty[]) => ({
  signers: [{ name: 'agent', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }],
});
const manifest = digestOf('a manifest');
const facts: DrillFacts = {
  from: { environment: 'production', cell: 'shared', store: 'main' },
  startedAt: 1_700_000_000_000,
  at: 1_700_000_009_000,
  point: {
    ...{
      id: 'rp-1',
      takenAt: 1_699_999_990_000,
      sealedAt: 1_699_999_995_000,
      manifest,
      schemaVersion: 3,
      form: 'physical',
      major: 15,
    },
    ...{ bytes: 10, files: 2, lsn: '0/2000138' },
  },
  took: { fetchedMs: 10.4, restoredMs: 20.6, comparedMs: 33.3, checkedMs: 40 },
  schemaVersion: 3,
  census: { tables: 1, rows: 9, differences: [], unsettled: [] },
  files: { compared: 0, wrong: [] },
  amcheck: { problems: [] },
};

test('a drill’s facts become what its gate judges, about the restore point that was brought back', () => {
  const opened = openDrill(signDrill(facts, key), trusting('restore-point'));
  expect(opened).toMatchObject({
    ok: true,
    drill: {
      ...facts.from,
      ...{ at: facts.at, point: 'rp-1', ok: true, because: [], missing: [], keyId: pair.keyId },
      ...{ rtoMs: 33, rtoUntil: 'last-comparison', rpoMs: 10_000 },
    },
  });
});

test('what went wrong is concluded by who reads, and a drill without a restore point is one, too', () => {
  const { point: _, census: _1, ...rest } = facts;
  const opened = openDrill(signDrill({ ...rest, ended: 'the vault is empty' }, key), trusting('restore-point'));
  expect(opened).toMatchObject({ ok: true, drill: { ok: false, because: ['the vault is empty'] } });
});

test('what a database said with U+0000 in it is told without: no gate could keep what it quotes', () => {
  const odd = { point: facts.point, from: facts.from, startedAt: facts.startedAt, at: facts.at, took: {} };
  const predicate = JSON.parse(JSON.stringify({ ...odd, ended: 'at \0 it ended' }));
  const older = signStatement(statementAbout('x', manifest, RESTORE_DRILL_PREDICATE, predicate), key);
  for (const bundle of [signDrill(predicate, key), older])
    expect(openDrill(bundle, trusting('restore-point'))).toMatchObject({
      ok: true,
      drill: { because: ['at \ufffd it ended'] },
    });
});

test('it counts from a key for restore points alone, and is no evidence about a release', () => {
  const signed = signDrill(facts, key);
  expect(openDrill(signed, trusting('evidence', 'release'))).toMatchObject({ ok: false, code: 'key-not-allowed' });
  expect(openDrill(signed, { signers: [] })).toMatchObject({ ok: false, code: 'key-unknown' });
  expect(openEvidence(signed, trusting('evidence'))).toMatchObject({ ok: false, code: 'evidence-format' });
});

const good = JSON.parse(JSON.stringify(facts)) as Record<string, unknown>;
const { took: _, ...without } = good;
test.each([
  ['without its times', without],
  ['with a conclusion of its own', { ...good, ok: true }],
  ['of a store that is none', { ...good, from: { ...facts.from, store: '../x' } }],
  ['with rows below nothing', { ...good, census: { ...facts.census, rows: -1 } }],
  ['with a list without end', { ...good, amcheck: { problems: Array.from({ length: 201 }, () => 'x') } }],
])('one %s is refused, with the place', (_, predicate) => {
  const made = statementAbout('x', manifest, RESTORE_DRILL_PREDICATE, predicate);
  expect(openDrill(signStatement(made, key), trusting('restore-point'))).toMatchObject({
    ok: false,
    code: 'drill-malformed',
    where: expect.stringMatching(/^predicate\./),
  });
});
