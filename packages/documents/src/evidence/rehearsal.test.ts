import { createPublicKey } from 'node:crypto';
import type { RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { REHEARSAL_PREDICATE } from '../trust/predicates.ts';
import { signStatement } from '../trust/sign.ts';
import { generateSigningKey, signingKey } from '../trust/signing-key.ts';
import { statementAbout } from '../trust/statement.ts';
import { openEvidence } from './open-evidence.ts';
import { rehearsalStatement } from './rehearsal.ts';

const pair = generateSigningKey();
const key = signingKey(pair.privateKeyPem);
const may = ['evidence' as const];
const trust = { signers: [{ name: 'ci', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }] };
const subject = digestOf('a manifest');

const statement = {
  ...{ n: 1, line: 1, text: 'alter table t', alone: false, durationMs: 12.4, walBytes: 100, tempBytes: undefined },
  ...{ rewritten: ['public.t'], emptied: [], rebuilt: [], changed: [{ relation: 'public.t', rows: 3 }] },
  locks: [{ relation: 'public.t', mode: 'ACCESS EXCLUSIVE', heldMs: 13.7 }],
  scanned: [{ relation: 'public.t', rows: 3, under: { relation: 'public.t', mode: 'ACCESS EXCLUSIVE' } }],
};
const facts: RehearsalFacts = {
  at: 1_700_000_000_000,
  from: { environment: 'production', cell: 'shared', store: 'main' },
  copy: {
    how: 'restore-point',
    of: 'rp-1',
    takenAt: 1,
    manifest: subject,
    server: 15,
    bytes: 9,
    rows: 3,
    readyMs: 5.5,
  },
  runner: 'headgate',
  schema: { from: 0, to: 1 },
  migrations: [{ id: 'm1', from: 0, to: 1, phase: 'expand', undo: 'down', up: subject, down: subject }],
  passes: [
    {
      direction: 'forward',
      durationMs: 14.2,
      files: [{ file: '1.sql', migration: 'm1', durationMs: 14.2, commitMs: 0.4, statements: [statement] }],
      stalls: [{ relation: 'public.t', readersMs: 12.1, writersMs: undefined, errors: { '42P01': 1 } }],
      unwatched: [],
    },
  ],
  comparisons: [
    {
      what: 'back',
      differences: [{ kind: 'values', relation: 'public.t', column: undefined, before: 3, after: 3 }],
    },
  ],
  plans: { compared: 1, source: 'file', changes: [{ kind: 'dearer', text: 'q', before: 1, after: 5 }] },
  missing: ['x'.repeat(3_000)],
};

test('a rehearsal’s facts become what its gate judges; what follows from them is concluded by who reads', () => {
  const opened = openEvidence(signStatement(rehearsalStatement('shop@1.2.0', subject, facts), key), trust, subject);
  expect(opened).toMatchObject({
    ok: true,
    fact: {
      predicateType: REHEARSAL_PREDICATE,
      rehearsal: {
        ...{ environment: 'production', cell: 'shared', store: 'main', at: facts.at, masked: false },
        ...{ ok: false, wayBack: 'different', longestStallMs: 12, durationMs: 14 },
        migrations: [{ migration: 'm1', durationMs: 14 }],
      },
    },
  });
  expect(opened.ok && opened.fact.result).toBeUndefined();
});

const business = {
  verification: { name: 'billing', digest: subject },
  runs: [
    {
      ...{ which: 'old' as const, release: { digest: subject, version: '1.1.0' }, components: ['web'], readyMs: 310.7 },
      ...{ durationMs: 20.2, tenants: 1, transactions: 2, failures: [] },
    },
    {
      ...{ which: 'new' as const, release: { digest: subject, version: '1.2.0' }, components: ['web'] },
      ...{ durationMs: 0, tenants: 0, transactions: 0 },
      failures: [{ tenant: 'acme', check: 'bill/post', why: 'expected $statusCode == 201, found 500' }],
    },
  ],
};

test('business transactions are read as they were seen, and a statement of before, without them, says nothing of them', () => {
  const open = (more: Partial<RehearsalFacts>) =>
    openEvidence(signStatement(rehearsalStatement('shop@1.2.0', subject, { ...facts, ...more }), key), trust, subject);
  const opened = open({ business });
  expect(opened).toMatchObject({
    ok: true,
    fact: { rehearsal: { ok: false, business: { old: ['1.1.0'], new: false } } },
  });
  expect(opened.ok && opened.fact.rehearsal?.because).toContain(
    'business transactions of the new version 1.2.0 on the new schema: acme, bill/post: expected $statusCode == 201, found 500',
  );
  const before = open({});
  expect(before.ok && before.fact.rehearsal).not.toHaveProperty('business');
});

const underLoad: NonNullable<RehearsalFacts['underLoad']> = {
  ...{ seed: 7, verification: { name: 'billing', digest: subject }, old: { digest: subject, version: '1.1.0' } },
  ...{ sessions: 4, everyMs: 100, attempts: 3, calls: 2, durationMs: 812.4, deadlocks: 0, lockTimeouts: 1, stalls: [] },
  quiet: { transactions: 20, failed: 0, p95Ms: 11.2, longestMs: 12.9 },
  during: { transactions: 61, failed: 0, p95Ms: 14.7, longestMs: 2_018.4 },
  failures: [],
  interruptions: [
    {
      ...{ file: '1.sql', moment: 'within', at: 'after statement 1, before its commit', done: true },
      ...{ said: 'it broke off', stood: 0, expected: 0 },
    },
  ],
  end: { tables: 3, differences: [] },
  written: [{ relation: 'public.invoice', each: 1, least: 81, most: 81, found: 81 }],
};

test('what was seen under load is read as it was seen, concluded anew, and a statement of before says nothing of it', () => {
  const open = (more: Partial<RehearsalFacts>) => {
    const said = rehearsalStatement('shop@1.2.0', subject, { ...facts, ...more });
    const opened = openEvidence(signStatement(said, key), trust, subject);
    return opened.ok ? opened.fact.rehearsal : undefined;
  };
  expect(open({ underLoad })?.underLoad).toEqual({
    ...{ old: '1.1.0', verification: { name: 'billing', digest: subject } },
    ...{ interruptions: 1, transactions: 61, longestMs: 2_018 },
  });
  const lost = open({ underLoad: { ...underLoad, written: [{ ...underLoad.written[0]!, found: 80 }] } });
  expect(lost).not.toHaveProperty('underLoad');
  expect(lost?.because.join()).toContain('under load: public.invoice: 1 of the rows that sessions wrote is lost');
  const restored = { at: 'as it had committed once', tookMs: 7_000.4, differences: [] };
  const during = { transactions: 61, failed: 61 };
  const held = { ...underLoad, during, written: [], held: { looks: 9, sessions: 0, restored } };
  expect(open({ underLoad: held })?.underLoad).toMatchObject({ held: true, transactions: 61 });
  expect(open({ underLoad: { ...held, held: { looks: 9, sessions: 1, restored } } })).not.toHaveProperty('underLoad');
  const before = open({});
  expect(before).toBeDefined();
  expect(before).not.toHaveProperty('underLoad');
});

test('a migration by a program is one statement of no line, and what it failed at is told without one', () => {
  const failed = { n: 1, line: 0, code: '', why: 'the command failed (exit code 1)' };
  const program = { ...statement, line: 0, text: 'the program, with billing 0002', alone: true };
  const [pass] = facts.passes;
  const file = { ...pass!.files[0]!, by: 'program' as const, statements: [program], failed };
  const said = rehearsalStatement('shop@1.2.0', subject, { ...facts, passes: [{ ...pass!, files: [file] }] });
  const opened = openEvidence(signStatement(said, key), trust, subject);
  expect(opened.ok && opened.fact.rehearsal?.because).toEqual([
    '1.sql failed on the way forward: the command failed (exit code 1)',
  ]);
});

const good = rehearsalStatement('shop@1.2.0', subject, facts).predicate;
const { passes: _, ...without } = good;
test.each([
  ['without its passes', without],
  ['with a conclusion of its own', { ...good, ok: true }],
  ['with a pass that is called otherwise', { ...good, passes: [{ ...facts.passes[0], direction: 'sideways' }] }],
  [
    'with a stall below nothing',
    { ...good, passes: [{ direction: 'forward', durationMs: -1, files: [], stalls: [], unwatched: [] }] },
  ],
  ['with a comparison that says less', { ...good, comparisons: [{ what: 'back' }] }],
  [
    'with business of nobody’s',
    { ...good, business: { ...business, runs: [{ ...business.runs[0], which: 'other' }] } },
  ],
  ['with a load that says it went well', { ...good, underLoad: { ...underLoad, ok: true } }],
  ['with a moment that there isn’t', { ...good, underLoad: { ...underLoad, interruptions: [{ moment: 'later' }] } }],
  ['with business that says it went well', { ...good, business: { ...business, ok: true } }],
  ['with no date', { ...good, at: 'now' }],
])('one %s is refused, with the place', (_, predicate) => {
  const made = statementAbout('x', subject, REHEARSAL_PREDICATE, JSON.parse(JSON.stringify(predicate)));
  expect(openEvidence(signStatement(made, key), trust)).toMatchObject({
    ok: false,
    code: 'evidence-malformed',
    where: expect.stringMatching(/^predicate\./),
  });
});
