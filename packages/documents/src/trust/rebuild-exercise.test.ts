import { createPublicKey } from 'node:crypto';
import type { ExerciseFacts } from '@headgate/domain';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { REBUILD_EXERCISE_PREDICATE } from './predicates.ts';
import { openRebuildExercise, signRebuildExercise } from './rebuild-exercise.ts';
import { openDrill } from './restore-drill.ts';
import { signStatement } from './sign.ts';
import { generateSigningKey, signingKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Duty } from './trust.ts';

const pair = generateSigningKey();
const key = signingKey(pair.privateKeyPem);
const trusting = (...may: Duty[]) => ({
  signers: [{ name: 'agent', keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may }],
});
const plan = digestOf('a plan');
const facts: ExerciseFacts = {
  ...{ environment: 'production', cell: 'shared', application: 'psa', plan, startedAt: 1_000, at: 90_000 },
  steps: [
    { id: 'server', kind: 'server', begunMs: 0, tookMs: 10 },
    { id: 'store/main', kind: 'store', begunMs: 0.4, tookMs: 20_000.6 },
  ],
  stores: [
    {
      ...{ store: 'main', point: 'rp-1', manifest: digestOf('a manifest'), takenAt: 900, promisedSchema: 3, schema: 3 },
      ...{ census: { tables: 1, rows: 9, differences: [], unsettled: [] }, files: { compared: 0, wrong: [] } },
      ...{ amcheck: { problems: [] }, attachments: { compared: 5, missing: 1, promisedMissing: 1, altered: 0 } },
    },
  ],
  releases: [{ slot: 'blue', digest: digestOf('a release'), version: '1.4.0' }],
  ...{ routed: 2, firstTransactionMs: 21_000.2, transactions: 3, missing: [] },
};

test('an exercise’s facts come back as they were told, about the plan that was carried out', () => {
  const opened = openRebuildExercise(signRebuildExercise(facts, key), trusting('restore-point'));
  expect(opened).toMatchObject({
    ok: true,
    keyId: pair.keyId,
    facts: {
      ...facts,
      firstTransactionMs: 21_000,
      steps: [{ id: 'server' }, { id: 'store/main', begunMs: 0, tookMs: 20_001 }],
    },
  });
});

test('it counts from a key for restore points alone, and is no drill of a store', () => {
  const signed = signRebuildExercise(facts, key);
  expect(openRebuildExercise(signed, trusting('evidence', 'release'))).toMatchObject({ code: 'key-not-allowed' });
  expect(openRebuildExercise(signed, { signers: [] })).toMatchObject({ code: 'key-unknown' });
  expect(openDrill(signed, trusting('restore-point'))).toMatchObject({ ok: false });
  for (const bytes of ['', '{}', 'null', JSON.stringify(signed).slice(0, 200)])
    expect(openRebuildExercise(bytes, trusting('restore-point'))).toMatchObject({ ok: false });
});

const good = JSON.parse(JSON.stringify(facts)) as Record<string, unknown>;
test.each([
  ['without its steps', { ...good, steps: undefined }],
  ['with a conclusion of its own', { ...good, ok: true }],
  ['of a cell that is none', { ...good, cell: '../x' }],
  ['with a time below nothing', { ...good, firstTransactionMs: -1 }],
  ['with a step of no kind', { ...good, steps: [{ id: 'x', kind: 'magic', begunMs: 0, tookMs: 0 }] }],
  ['of another plan than its subject', { ...good, plan: digestOf('another') }],
  ['with a list without end', { ...good, missing: Array.from({ length: 201 }, () => 'x') }],
])('one %s is refused, with the place', (_, predicate) => {
  const made = statementAbout('x', plan, REBUILD_EXERCISE_PREDICATE, JSON.parse(JSON.stringify(predicate)));
  expect(openRebuildExercise(signStatement(made, key), trusting('restore-point'))).toMatchObject({
    ok: false,
    code: 'exercise-malformed',
    where: expect.stringMatching(/^predicate\./),
  });
});
