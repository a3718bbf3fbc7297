/**
 * Our statement of a restore drill: its facts, and nothing that follows from them; whoever reads it draws the conclusion
 * anew. It is about a store and not about a release: its subject is the restore point that was brought back, and it is
 * signed by the key that seals restore points, which can sign nothing about a release.
 */
import type { DrillEvidence, DrillFacts } from '@headgate/domain';
import { drillEvidence } from '@headgate/domain/vault/drill';
import { z } from 'zod';
import { digestOfJson } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { digest, name, oneOf, text } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { keptIn } from '../words/unkept.ts';
import { bounded, COMPARED, count, words } from './compared.ts';
import { RESTORE_DRILL_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, type SignedParts, verifyBundle } from './verify.ts';

const predicate = z.strictObject({
  from: z.strictObject({ environment: name, cell: name, store: name }),
  startedAt: count,
  at: count,
  point: z
    .strictObject({
      id: text(64),
      takenAt: count,
      sealedAt: count,
      manifest: digest,
      schemaVersion: count,
      form: oneOf('physical', 'dump'),
      major: count,
      bytes: count,
      files: count,
      lsn: text(40).exactOptional(),
    })
    .exactOptional(),
  everyMs: count.exactOptional(),
  wal: z
    .strictObject({
      segments: count,
      reachedAt: count,
      sealedAt: count,
      everyMs: count.exactOptional(),
      lsn: text(40),
      replayed: z.boolean().exactOptional(),
    })
    .exactOptional(),
  took: z.strictObject({
    fetchedMs: count.exactOptional(),
    restoredMs: count.exactOptional(),
    firstTransactionMs: count.exactOptional(),
    comparedMs: count.exactOptional(),
    checkedMs: count.exactOptional(),
  }),
  schemaVersion: count.exactOptional(),
  ...COMPARED,
  transactions: z.strictObject({ failed: words.exactOptional() }).exactOptional(),
  ended: words.exactOptional(),
});

/** "This restore point was brought back, and that is what came of it." */
export function signDrill(facts: DrillFacts, key: SigningKey): SignedBundle {
  const subject = facts.point?.manifest ?? digestOfJson(facts.from);
  const { environment, cell, store } = facts.from;
  const of = facts.point?.id ?? `${environment}/${cell}/${store}`;
  return signStatement(
    statementAbout(of, subject, RESTORE_DRILL_PREDICATE, bounded(facts) as Readonly<Record<string, unknown>>),
    key,
  );
}

export type DrillRefusal = BundleRefusal | Refused<'drill-malformed'>;

/** Opens one: signed by a key with the duty `restore-point`. Never throws on what comes from outside. */
export function openDrill(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
): { readonly ok: true; readonly drill: DrillEvidence; readonly signed: SignedParts } | DrillRefusal {
  const verified = verifyBundle(bundle, trust, 'restore-point');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, RESTORE_DRILL_PREDICATE);
  if (mismatch !== undefined) return mismatch;
  const given = verified.statement.predicate;
  const parsed = predicate.safeParse(given);
  if (parsed.success)
    return {
      ok: true,
      // An agent's, which can't say it otherwise: its words are cleaned, as those that it quotes elsewhere.
      drill: drillEvidence(keptIn(parsed.data) as DrillFacts, verified.signed.digest, verified.keyId),
      signed: verified.signed,
    };
  const { where, why } = misfitOf(parsed.error, given, predicate);
  return refuse('drill-malformed', 'statement of a restore drill', why, { where, unblock: 'drill the store again' });
}
