/**
 * Our statement of an exercise in which a whole cell was rebuilt: its facts, and nothing that follows from them. Its subject is the
 * plan that was carried out; it is signed by the key that seals restore points, which can sign nothing about a release.
 */
import type { ExerciseFacts } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { digest, list, name, oneOf, text } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { bounded, COMPARED, count, MAX_LIST, words } from './compared.ts';
import { REBUILD_EXERCISE_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

/** Stores of a cell, and with them steps. */
const MAX_STEPS = 2_000;

const store = z.strictObject({
  store: name,
  point: text(64),
  manifest: digest,
  takenAt: count,
  promisedSchema: count,
  ownSchema: count.exactOptional(),
  schema: count.exactOptional(),
  reachedAt: count.exactOptional(),
  segments: count.exactOptional(),
  replayed: z.boolean().exactOptional(),
  ...COMPARED,
  attachments: z
    .strictObject({ compared: count, missing: count, promisedMissing: count, altered: count })
    .exactOptional(),
});

const predicate = z.strictObject({
  environment: name,
  cell: name,
  application: name,
  plan: digest,
  startedAt: count,
  at: count,
  steps: list(
    z.strictObject({
      id: text(200),
      kind: oneOf('configuration', 'server', 'store', 'application', 'traffic', 'business'),
      begunMs: count,
      tookMs: count,
      failed: words.exactOptional(),
    }),
    0,
    MAX_STEPS,
  ),
  stores: list(store, 0, MAX_STEPS),
  releases: list(z.strictObject({ slot: name, digest, version: text(200) }), 0, 100),
  routed: count,
  firstTransactionMs: count.exactOptional(),
  transactions: count,
  missing: list(words, 0, MAX_LIST),
});

/** "This cell was rebuilt in a place that is gone again, and that is what came of it." */
export function signRebuildExercise(facts: ExerciseFacts, key: SigningKey): SignedBundle {
  const of = `${facts.environment}/${facts.cell}`;
  const said = bounded(facts, MAX_STEPS) as Readonly<Record<string, unknown>>;
  return signStatement(statementAbout(of, facts.plan, REBUILD_EXERCISE_PREDICATE, said), key);
}

export type RebuildExerciseRefusal = BundleRefusal | Refused<'exercise-malformed'>;

/** Opens one: signed by a key with the duty `restore-point`. Never throws on what comes from outside. */
export function openRebuildExercise(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
): { readonly ok: true; readonly facts: ExerciseFacts; readonly keyId: string } | RebuildExerciseRefusal {
  const verified = verifyBundle(bundle, trust, 'restore-point');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, REBUILD_EXERCISE_PREDICATE);
  if (mismatch !== undefined) return mismatch;
  const given = verified.statement.predicate;
  const parsed = predicate.safeParse(given);
  const malformed = (where: string, why: string) =>
    refuse('exercise-malformed', 'statement of an exercise', why, { where, unblock: 'exercise the cell again' });
  if (!parsed.success) {
    const { where, why } = misfitOf(parsed.error, given, predicate);
    return malformed(where, why);
  }
  if (parsed.data.plan !== subjectOf(verified.statement))
    return malformed('predicate.plan', 'its subject is another plan than the one that it tells of');
  return { ok: true, facts: parsed.data as ExerciseFacts, keyId: verified.keyId };
}
