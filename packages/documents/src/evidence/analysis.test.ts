import { createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { ANALYSIS_PREDICATE } from '../trust/predicates.ts';
import { signStatement } from '../trust/sign.ts';
import { generateSigningKey, signingKey } from '../trust/signing-key.ts';
import { statementAbout } from '../trust/statement.ts';
import { MAX_BUNDLE_BYTES } from '../trust/verify.ts';
import { type AnalysisContent, analysisStatement } from './analysis.ts';
import { openEvidence } from './open-evidence.ts';

const pair = generateSigningKey();
const key = signingKey(pair.privateKeyPem);
const may = ['evidence' as const];
const trust = { signers: [{ name: 'ci', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }] };
const subject = digestOf('a manifest');

const result = (level: string, uri = 'db/1%20one.sql', text = 'SHARE on public.t') => ({
  ruleId: 'index-build-under-lock',
  ruleIndex: 0,
  level,
  message: { text },
  locations: [
    {
      physicalLocation: {
        artifactLocation: { uri },
        region: { startLine: 3, startColumn: 1, snippet: { text: 'create index on t(a)' } },
      },
    },
  ],
  properties: {
    stallMs: { leastMs: 1, mostMs: Number.POSITIVE_INFINITY },
    safeWays: [{ words: 'So:', sql: ['a;', 'b;'] }],
  },
});
const run = (name: string, ...results: object[]) => ({
  tool: { driver: { name } },
  columnKind: 'utf16CodeUnits',
  results,
});
const content = (...runs: object[]): AnalysisContent => ({
  at: 1_700_000_000_000,
  stallMs: 1_000,
  schema: { from: 0, to: 2 },
  catalogue: { of: 'production', digest: subject, server: 15, tables: 3, readAt: 1_699_999_999_000 },
  migrations: [
    {
      id: 'm1',
      from: 0,
      to: 1,
      uri: 'db/1%20one.sql',
      digest: digestOf('1'),
      phase: 'expand',
      undo: 'yes',
      removes: [],
    },
    {
      id: 'm2',
      from: 1,
      to: 2,
      uri: 'db/2.sql',
      digest: digestOf('2'),
      phase: 'contract',
      undo: 'never',
      removes: ['public.t.a'],
    },
  ],
  sarif: { version: '2.1.0', runs: runs as never },
});
const open = (given: AnalysisContent) =>
  openEvidence(signStatement(analysisStatement('shop@1.2.0', subject, given), key), trust, subject);

test('SARIF becomes what the gate judges: our own run, by migration, and squawk’s beside it is no part of it', () => {
  const squawk = run('squawk', result('error'), result('error', 'elsewhere.sql'));
  const opened = open(content(run('headgate analyse', result('error'), result('warning', 'db/2.sql')), squawk));
  expect(opened).toMatchObject({
    ok: true,
    fact: {
      predicateType: ANALYSIS_PREDICATE,
      analysis: {
        ...{ at: 1_700_000_000_000, stallMs: 1_000, catalogue: { of: 'production', server: 15 } },
        migrations: [
          { id: 'm1', to: 1, digest: digestOf('1') },
          { id: 'm2', to: 2, digest: digestOf('2'), removes: ['public.t.a'] },
        ],
        found: [
          { to: 1, rule: 'index-build-under-lock', level: 'error', count: 1 },
          { to: 2, rule: 'index-build-under-lock', level: 'warning', count: 1 },
        ],
        told: [
          {
            file: 'db/1 one.sql',
            line: 3,
            statement: 'create index on t(a)',
            why: 'SHARE on public.t',
            safeWay: 'So:\na;\nb;',
          },
          { file: 'db/2.sql' },
        ],
      },
    },
  });
});

test('a statement has room for so much: the worst stays, and what had no room is counted', () => {
  const long = 'ü'.repeat(5_000);
  const notes = Array.from({ length: 900 }, () => result('note', 'db/2.sql', long));
  const errors = Array.from({ length: 900 }, () => result('error', 'db/2.sql', long));
  const statement = analysisStatement('shop@1.2.0', subject, content(run('headgate analyse', ...notes, ...errors)));
  expect(statement.predicate).toMatchObject({ omitted: 100 });
  const bundle = signStatement(statement, key);
  expect(JSON.stringify(bundle).length).toBeLessThan(MAX_BUNDLE_BYTES);
  const opened = openEvidence(bundle, trust, subject);
  expect(opened, 'those that had no room by rule and file, too').toMatchObject({
    ok: true,
    fact: { analysis: { found: [{ to: 2, rule: 'index-build-under-lock', level: 'error', count: 900 }] } },
  });
  expect((opened as { fact: { analysis: object } }).fact.analysis).not.toHaveProperty('more');
  const { left: _, ...before } = statement.predicate as Record<string, unknown>;
  const older = statementAbout('x', subject, ANALYSIS_PREDICATE, before);
  expect(openEvidence(signStatement(older, key), trust), 'a statement of before says only how many').toMatchObject({
    ok: true,
    fact: { analysis: { more: true, moreLevel: 'error', found: [{ level: 'error', count: 800 }] } },
  });
});

test('however long its texts are, a statement has room in its envelope', () => {
  const way = { words: 'ü'.repeat(600), sql: Array.from({ length: 8 }, () => 'ü'.repeat(600)) };
  const long = { ...result('error', 'db/2.sql', 'ü'.repeat(600)), properties: { safeWays: [way, way, way] } };
  const statement = analysisStatement('x', subject, content(run('headgate analyse', ...Array(900).fill(long))));
  const bundle = signStatement(statement, key);
  expect(JSON.stringify(bundle).length).toBeLessThan(MAX_BUNDLE_BYTES);
  expect(openEvidence(bundle, trust, subject)).toMatchObject({
    ok: true,
    fact: { analysis: { found: [{ count: 900 }] } },
  });
});

test('the statements that take something from running code are told with their lines, each once', () => {
  const taking = (line: number) => ({
    ...result('error', 'db/2.sql'),
    ruleId: 'breaks-running-code',
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'db/2.sql' },
          region: { startLine: line, snippet: { text: `drop ${line}` } },
        },
      },
    ],
  });
  expect(open(content(run('headgate analyse', taking(4), taking(4), taking(9))))).toMatchObject({
    fact: {
      analysis: {
        migrations: [
          { id: 'm1' },
          {
            id: 'm2',
            takenBy: [
              { line: 4, statement: 'drop 4' },
              { line: 9, statement: 'drop 9' },
            ],
          },
        ],
      },
    },
  });
});

const good = analysisStatement('shop@1.2.0', subject, content(run('headgate analyse', result('error'))))
  .predicate as Record<string, never>;
const ours = run('headgate analyse');
test.each<[string, object]>([
  ['with a conclusion of its own', { ...good, dangerous: false }],
  ['without a run of ours', { ...good, sarif: { version: '2.1.0', runs: [run('squawk')] } }],
  ['with two of them, one of which says nothing', { ...good, sarif: { version: '2.1.0', runs: [ours, ours] } }],
  ['of another SARIF', { ...good, sarif: { version: '2.0.0', runs: [ours] } }],
  [
    'with a finding in a file that is none of its migrations',
    { ...good, sarif: { version: '2.1.0', runs: [run('headgate analyse', result('error', 'other.sql'))] } },
  ],
  ['with a gap between its migrations', { ...good, migrations: [content().migrations[1]] }],
  ['that doesn’t come to its end', { ...good, schema: { from: 0, to: 3 } }],
  ['without migrations', { ...good, migrations: [] }],
  [
    'with two migrations of one name',
    { ...good, migrations: content().migrations.map((each) => ({ ...each, uri: 'a.sql' })) },
  ],
  ['with a digest that is none', { ...good, catalogue: { ...content().catalogue, digest: 'sha256:1' } }],
  ['judged with no stall at all', { ...good, stallMs: 0 }],
  [
    'that counts more than it left out',
    { ...good, omitted: 1, left: [{ uri: 'db/2.sql', rule: 'fails', level: 'error', count: 2 }] },
  ],
  [
    'that counts what is in none of its migrations',
    { ...good, omitted: 1, left: [{ uri: 'other.sql', rule: 'fails', level: 'error', count: 1 }] },
  ],
])('one %s is refused, with the place', (_what, predicate) => {
  const made = statementAbout('x', subject, ANALYSIS_PREDICATE, JSON.parse(JSON.stringify(predicate)));
  expect(openEvidence(signStatement(made, key), trust)).toMatchObject({
    ok: false,
    code: 'evidence-malformed',
    where: expect.stringMatching(/^predicate/),
  });
});

test('a name that is encoded wrongly is told as it stands', () => {
  const [first, second] = content().migrations;
  const migrations = [{ ...first, uri: 'a%zz.sql' }, second];
  const sarif = { version: '2.1.0', runs: [run('headgate analyse', result('error', 'a%zz.sql'))] };
  const made = statementAbout(
    'x',
    subject,
    ANALYSIS_PREDICATE,
    JSON.parse(JSON.stringify({ ...good, migrations, sarif })),
  );
  expect(openEvidence(signStatement(made, key), trust)).toMatchObject({
    ok: true,
    fact: { analysis: { told: [{ file: 'a%zz.sql' }] } },
  });
});
