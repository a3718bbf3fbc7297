import { createPublicKey } from 'node:crypto';
import type { EvidenceFact as DomainFact } from '@headgate/domain/gates/gate';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { RELEASE_PREDICATE, TEST_RESULT_PREDICATE, TEST_RUN_FIELD } from '../trust/predicates.ts';
import { signStatement } from '../trust/sign.ts';
import { generateSigningKey, keyIdOf, signingKey } from '../trust/signing-key.ts';
import { statementAbout } from '../trust/statement.ts';
import { readJunit } from './junit.ts';
import { openEvidence } from './open-evidence.ts';
import { testResultStatement } from './test-result.ts';

const pair = generateSigningKey();
const key = signingKey(pair.privateKeyPem);
const signer = {
  name: 'ci',
  keyId: pair.keyId,
  publicKey: createPublicKey(pair.publicKeyPem),
  may: ['evidence' as const],
};
const trust = { signers: [signer] };
const subject = digestOf('a manifest');
const log = digestOf('a log');
const content = {
  release: 'psa@1.1.0',
  subject,
  command: ['node', '--test'],
  exitCode: 0,
  log,
  tests: { passed: ['a', 'b'], failed: [], skipped: ['c'] },
};

describe('test results', () => {
  it('become a fact that the domain’s gates judge', () => {
    const opened = openEvidence(signStatement(testResultStatement(content), key), trust, subject);
    if (!opened.ok) throw new Error(opened.why);
    const fact: DomainFact = opened.fact;
    expect(fact).toMatchObject({
      predicateType: TEST_RESULT_PREDICATE,
      subject,
      verified: true,
      keyId: pair.keyId,
      result: { passed: 2, failed: 0, skipped: 1, exitCode: 0, command: ['node', '--test'], logDigest: log },
    });
  });

  it('say FAILED when a test failed or the command did', () => {
    for (const red of [
      { ...content, exitCode: 1 },
      { ...content, exitCode: 1, tests: { ...content.tests, failed: ['x'] } },
    ]) {
      const statement = testResultStatement(red);
      expect(statement.predicate.result).toBe('FAILED');
      expect(openEvidence(signStatement(statement, key), trust)).toMatchObject({
        ok: true,
        fact: { result: { exitCode: 1 } },
      });
    }
  });

  it('from elsewhere, without our field, count by their lists', () => {
    const statement = statementAbout('x', subject, TEST_RESULT_PREDICATE, {
      result: 'PASSED',
      passedTests: ['a'],
      configuration: [],
    });
    expect(openEvidence(signStatement(statement, key), trust)).toMatchObject({
      ok: true,
      fact: { result: { passed: 1, exitCode: 0 } },
    });
  });

  const good = testResultStatement(content).predicate;
  const run = good[TEST_RUN_FIELD] as Record<string, unknown>;
  test.each([
    [
      'PASSED with a failed test',
      { ...good, result: 'PASSED', failedTests: ['x'], [TEST_RUN_FIELD]: { ...run, failed: 1 } },
    ],
    ['PASSED with exit code 1', { ...good, [TEST_RUN_FIELD]: { ...run, exitCode: 1 } }],
    ['more passed than listed', { ...good, [TEST_RUN_FIELD]: { ...run, passed: 200 } }],
    ['FAILED without a failure', { ...good, result: 'FAILED' }],
    ['no result', { ...good, result: undefined }],
    ['an unknown field in the run', { ...good, [TEST_RUN_FIELD]: { ...run, more: 1 } }],
    ['a negative count', { ...good, [TEST_RUN_FIELD]: { ...run, skipped: -1 } }],
  ])('with %s are refused', (_, predicate) => {
    const statement = statementAbout('x', subject, TEST_RESULT_PREDICATE, JSON.parse(JSON.stringify(predicate)));
    expect(openEvidence(signStatement(statement, key), trust)).toMatchObject({ ok: false, code: 'evidence-malformed' });
  });

  it('about another release, of an unknown format, or by a key without the duty are refused', () => {
    const bundle = signStatement(testResultStatement(content), key);
    expect(openEvidence(bundle, trust, digestOf('another'))).toMatchObject({ code: 'wrong-subject' });
    expect(openEvidence(signStatement(statementAbout('x', subject, RELEASE_PREDICATE, {}), key), trust)).toMatchObject({
      code: 'evidence-format',
    });
    expect(openEvidence(bundle, { signers: [{ ...signer, may: ['release'] }] })).toMatchObject({
      code: 'key-not-allowed',
    });
  });
});

describe('evidence that cosign 3.1 signed', () => {
  // Made offline by `cosign attest-blob --key … --signing-config …`, without any service, about a file with this text.
  const publicKeyPem = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsAne7e9ST+RHIIXAoQRIMglG1ea8
fX3UbJfFGVMP36V8kxtpgvuCnvM1f1otAj0iffIwGMAy273n92kc95bqWA==
-----END PUBLIC KEY-----`;
  const bundle =
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"v8qTKx9aKaPpboTm5UUkCI7NV2ISkmaqcxAcTOVoWSg="}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjAuMSIsInN1YmplY3QiOlt7Im5hbWUiOiJibG9iIiwiZGlnZXN0Ijp7InNoYTI1NiI6ImU1OTYyNWE4MjI0OTdjMTY0ZDYwNzA1ZWIzZmQ2OTc1YzM3NWNhMjEzYjgxNDAxMzdhODI2YTc3NzkwOTg2YTkifX1dLCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9pbi10b3RvLmlvL2F0dGVzdGF0aW9uL3Rlc3QtcmVzdWx0L3YwLjEiLCJwcmVkaWNhdGUiOnsiY29uZmlndXJhdGlvbiI6W10sInBhc3NlZFRlc3RzIjpbImEiXSwicmVzdWx0IjoiUEFTU0VEIn19","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEYCIQDF/puXpqylCkZfoqk7lXeZn2VHHLai9KDXN4nk0HMgjgIhAK/02Up/DT5FZPSo6I5vVBJLw+Lb8Pf7oniBqxola5cu"}]}}';
  const cosigned = { ...signer, publicKey: createPublicKey(publicKeyPem) };

  it('opens with its key', () => {
    const keyId = keyIdOf(cosigned.publicKey);
    expect(openEvidence(bundle, { signers: [{ ...cosigned, keyId }] }, digestOf('a manifest'))).toMatchObject({
      ok: true,
      fact: { keyId, result: { passed: 1, failed: 0, exitCode: 0 } },
    });
  });
});

describe('JUnit reports', () => {
  it('count cases by outcome, in nested suites', () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="all" tests="5" failures="1" errors="1">
        <testsuite name="a" tests="3" failures="1" errors="0" skipped="1">
          <testcase classname="billing" name="adds up"/>
          <testcase classname="billing" name="rounds"><failure message="no">at line 3 &lt;</failure></testcase>
          <testcase name="later"><skipped/></testcase>
        </testsuite>
        <testsuite name="b" errors="1"><testsuite name="c" errors="1"><testcase name="breaks"><error/><system-out>x</system-out></testcase></testsuite></testsuite>
      </testsuites>`;
    const expected = { passed: ['billing › adds up'], failed: ['billing › rounds', 'breaks'], skipped: ['later'] };
    expect(readJunit(xml)).toEqual({ ok: true, tests: expected });
    expect(readJunit(Buffer.from(xml))).toEqual({ ok: true, tests: expected });
  });

  test.each([
    ['that end early', '<testsuite><testcase name="a">'],
    ['of another kind', '<html/>'],
    ['with a document type', '<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>'],
    ['with an unknown entity', '<testsuite name="&a;"/>'],
    ['whose suite failed outside of its cases', '<testsuite failures="1"><testcase name="a"/></testsuite>'],
    ['with odd counts', '<testsuite failures="many"/>'],
    ['with a case in a case', '<testsuite><testcase><testcase/></testcase></testsuite>'],
    ['that are bottomless', '<testsuite>'.repeat(100) + '</testsuite>'.repeat(100)],
    ['that are empty', ''],
  ])('%s are refused', (_, xml) => {
    expect(readJunit(xml)).toMatchObject({ ok: false, code: 'junit-malformed' });
  });

  it('never make the reader throw', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.uint8Array()), (xml) => void readJunit(xml)));
    const piece = fc.constantFrom(
      '<testsuite>',
      '</testsuite>',
      '<testcase name="a">',
      '</testcase>',
      '<failure/>',
      '<skipped/>',
      '&lt;',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?x?>',
      'x',
      '"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => void readJunit(pieces.join(''))),
      { numRuns: 500 },
    );
  });
});
