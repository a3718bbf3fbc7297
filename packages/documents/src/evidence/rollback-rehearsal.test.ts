import { createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { ROLLBACK_REHEARSAL_PREDICATE } from '../trust/predicates.ts';
import { signStatement } from '../trust/sign.ts';
import { generateSigningKey, signingKey } from '../trust/signing-key.ts';
import { statementAbout } from '../trust/statement.ts';
import { openEvidence } from './open-evidence.ts';
import {
  type RollbackRehearsalFacts,
  readRollbackRehearsal,
  rollbackRehearsalStatement,
  turningPointOf,
} from './rollback-rehearsal.ts';

const pair = generateSigningKey();
const key = signingKey(pair.privateKeyPem);
const may = ['evidence' as const];
const trust = { signers: [{ name: 'ci', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }] };
const subject = digestOf('a manifest');
const sent = { requests: 40, failed: 0, slowestMs: 21.4, outageMs: 212.2 };

const facts: RollbackRehearsalFacts = {
  at: 1_700_000_060_000,
  ...{ promotion: 'prm_1', application: 'shop', environment: 'staging' },
  release: { digest: subject, version: '1.1.0' },
  ...{ plan: digestOf('plan'), envelope: digestOf('envelope'), log: { from: 10, to: 60 }, waves: 1, opened: 1 },
  migrations: [{ id: '0002-note', to: 2, file: digestOf('0002') }],
  ...{ begunAt: 1_700_000_000_000, reachedAt: 1_700_000_030_000, endedAt: 1_700_000_060_000, result: 'rolled-back' },
  turned: { at: 1_700_000_050_000, by: 'usr_manager', because: 'rehearsed' },
  cells: [
    {
      cell: 'stage',
      before: { digest: digestOf('before'), version: '1.0.0' },
      forward: { planned: 4, done: 3, left: [] },
      back: { planned: 3, done: 3, left: [] },
      steps: [{ step: 'w1.route', course: 'forward', kind: 'route', at: 1_700_000_020_000, tookMs: 300, place: 30 }],
      failures: [],
      settled: 'undone',
      verified: { passed: 1, failed: 0 },
      reconciled: [{ store: 'main', agrees: true, asked: 0 }],
      seenAt: 1_700_000_059_000,
      tenants: { moved: 2, back: 2, elsewhere: [] },
      stores: [{ store: 'main', before: 1, reached: 2, promised: 2, undo: 'kept', found: 2 }],
      slots: [],
      drift: [],
    },
  ],
  traffic: { addresses: ['http://127.0.0.1:1/orders'], everyMs: 200, forward: sent, back: { ...sent, outageMs: 301 } },
};

test('a rehearsal’s facts become what its gate judges; what follows from them is concluded by who reads', () => {
  const opened = openEvidence(signStatement(rollbackRehearsalStatement(facts), key), trust, subject);
  expect(opened).toMatchObject({
    ok: true,
    fact: {
      predicateType: ROLLBACK_REHEARSAL_PREDICATE,
      subject,
      rollbackRehearsal: {
        ...{ environment: 'staging', promotion: 'prm_1', at: facts.at, ok: true, because: [], missing: [] },
        ...{ forwardMs: 30_000, backMs: 10_000, longestOutageMs: 301, traffic: { requests: 80, failed: 0 } },
        migrated: [digestOf('0002')],
      },
    },
  });
  const [cell] = facts.cells;
  const broken = {
    ...facts,
    cells: [{ ...cell, slots: [{ slot: 'green', found: '1.1.0' }] }],
  } as RollbackRehearsalFacts;
  expect(openEvidence(signStatement(rollbackRehearsalStatement(broken), key), trust)).toMatchObject({
    fact: {
      rollbackRehearsal: { ok: false, because: [expect.stringContaining('slot green of cell stage holds 1.1.0')] },
    },
  });
});

const good = JSON.parse(JSON.stringify(rollbackRehearsalStatement(facts).predicate));
const { cells: _, ...without } = good;
test.each([
  ['without its cells', without],
  ['with a conclusion of its own', { ...good, ok: true }],
  ['with an end that there is not', { ...good, result: 'well' }],
  [
    'with an outage below nothing',
    { ...good, traffic: { ...good.traffic, back: { ...good.traffic.back, outageMs: -1 } } },
  ],
  ['with no address', { ...good, traffic: { ...good.traffic, addresses: [] } }],
  [
    'with a step that goes sideways',
    { ...good, cells: [{ ...good.cells[0], steps: [{ ...good.cells[0].steps[0], course: 'sideways' }] }] },
  ],
  ['with more cells than there may be', { ...good, cells: Array.from({ length: 201 }, () => good.cells[0]) }],
  ['with no date', { ...good, at: 'now' }],
])('one %s is refused, with the place', (_, predicate) => {
  const made = statementAbout('x', subject, ROLLBACK_REHEARSAL_PREDICATE, predicate);
  expect(openEvidence(signStatement(made, key), trust)).toMatchObject({
    ok: false,
    code: 'evidence-malformed',
    where: expect.stringMatching(/^predicate/),
  });
});

test('is read with the plan alone that the log names', () => {
  const planBytes = canonicalBytes({ waves: [{ n: 1, ring: 'all', cells: [], soakMs: 1 }], cells: [] });
  const requested = (plan: string) => ({
    ...{ place: 1, stream: 'promotion/prm_1', at: 1, by: 'usr_manager', type: 'promotion.requested' },
    data: { ...facts, id: 'prm_1', plan, cells: [], requester: 'usr_manager', authors: [], latestFinish: 9 },
  });
  const read = (entries: readonly ReturnType<typeof requested>[], bytes: Uint8Array = planBytes) =>
    readRollbackRehearsal({ planBytes: bytes, entries, seen: new Map() });
  expect(read([requested(digestOf(planBytes))])).toMatchObject({ ok: true, result: { ok: false } });
  expect(read([requested(digestOf('another'))])).toMatchObject({
    ok: false,
    why: expect.stringContaining('plan’s bytes'),
  });
  expect(read([])).toMatchObject({ ok: false, why: expect.stringContaining('first entry') });
  const unreadable = Buffer.from('{"waves":7}');
  expect(read([requested(digestOf(unreadable))], unreadable)).toMatchObject({
    ok: false,
    code: 'rehearsal-unreadable',
  });
});

test('is turned back in the soak of its last wave, once every cell is at its last step', () => {
  const step = (id: string, wave: number, kind: 'soak' | 'verify') => ({ id, wave, action: { kind } });
  const plan = {
    waves: [{ soakMs: 9 }, { soakMs: 5_000 }],
    cells: [
      { cell: 'a', steps: [step('w1.verify', 1, 'verify'), step('w2.soak', 2, 'soak')] },
      { cell: 'b', steps: [step('w1.soak', 1, 'soak')] },
      { cell: 'c', steps: [] },
    ],
  };
  expect(turningPointOf(plan as never)).toEqual({
    last: new Map([
      ['a', { step: 'w2.soak', soak: true }],
      ['b', { step: 'w1.soak', soak: false }],
    ]),
    soakMs: 5_000,
  });
});
