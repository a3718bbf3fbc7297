/**
 * Our statement of a compensation plan that was carried out: its subject is the plan, and it says by whom, with whose yes,
 * what was done, and both sides' sums before and after. Signed by the key that the agent keeps for it.
 */
import type { Digest, ReconciledEvidence, ReconciledFacts } from '@headgate/domain';
import { classesText, sumsAgree, TRANSACTION_CLASSES } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { digest, list, name, oneOf, principal, text, whole } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { RECONCILED_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, type SignedParts, verifyBundle } from './verify.ts';

const count = whole(0);
const amount = z.string().regex(/^-?\d{1,60}(\.\d{1,60})?$/);
const sums = list(z.strictObject({ field: name, unit: text(20).exactOptional(), left: amount, right: amount }), 0, 50);

const predicate = z.strictObject({
  environment: name,
  cell: name,
  store: name,
  reconciliation: name,
  document: digest,
  plan: digest,
  risk: oneOf('low', 'medium', 'high'),
  by: principal,
  approvals: list(z.strictObject({ by: principal, digest }), 0, 20),
  startedAt: count,
  at: count,
  begun: whole(1),
  done: z.strictObject({ replayed: count, acknowledged: count, cancelled: count, posted: count }),
  lines: z.strictObject({ planned: count, covered: count, gone: count, leftAlone: count, asked: count }),
  some: z.strictObject({ tenants: whole(1), of: whole(1) }).exactOptional(),
  compared: count,
  classes: z.partialRecord(oneOf(...TRANSACTION_CLASSES), count),
  before: sums,
  after: sums,
  agrees: z.boolean(),
});

/** "This plan was carried out, and that is what came of it." */
export function signReconciled(facts: ReconciledFacts, key: SigningKey): SignedBundle {
  const { cell, store, reconciliation, plan } = facts;
  const parsed = predicate.parse(facts);
  return signStatement(
    statementAbout(`${reconciliation} of ${cell}/${store}`, plan, RECONCILED_PREDICATE, parsed),
    key,
  );
}

/** What it concludes against its own figures; whoever reads it reads the conclusion. */
function contradiction({ agrees, classes, after }: ReconciledFacts): string | undefined {
  if (!agrees) return undefined;
  const caught = classesText(classes);
  if (caught !== '') return `it says that both sides agree, and ${caught}`;
  return sumsAgree(after) ? undefined : 'it says that both sides agree, and their sums aren’t equal';
}

export type ReconciledRefusal = BundleRefusal | Refused<'reconciliation-malformed'>;

/** Opens one: signed by a key with the duty `reconciliation`. Never throws on what comes from outside. */
export function openReconciled(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
): { readonly ok: true; readonly reconciled: ReconciledEvidence; readonly signed: SignedParts } | ReconciledRefusal {
  const verified = verifyBundle(bundle, trust, 'reconciliation');
  if (!verified.ok) return verified;
  const given = verified.statement.predicate;
  const parsed = predicate.safeParse(given);
  const mismatch = expectStatement(
    verified,
    RECONCILED_PREDICATE,
    parsed.success ? (parsed.data.plan as Digest) : undefined,
  );
  if (mismatch !== undefined) return mismatch;
  const beside = parsed.success ? contradiction(parsed.data as ReconciledFacts) : undefined;
  if (beside !== undefined)
    return refuse('reconciliation-malformed', 'statement of a reconciliation', beside, {
      where: 'predicate.agrees',
      unblock: 'find out which agent signs what its own figures don’t say',
    });
  if (parsed.success)
    return {
      ok: true,
      reconciled: {
        ...(parsed.data as ReconciledFacts),
        evidence: verified.signed.digest,
        keyId: verified.keyId,
      },
      signed: verified.signed,
    };
  const { where, why } = misfitOf(parsed.error, given, predicate);
  return refuse('reconciliation-malformed', 'statement of a reconciliation', why, {
    where,
    unblock: 'send it as the agent wrote it',
  });
}
