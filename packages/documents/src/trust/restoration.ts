/**
 * Our statement of a restoration: its subject is what was carried out (a difference, a proposal, a plan), and it says what came
 * back, to when, by whom, with whose yes. Signed by the key that seals restore points, or by the agent's own one for it.
 */
import {
  MOST_RESTORED_STORES,
  MOST_RESTORED_TENANTS,
  RESTORATION_KINDS,
  RESTORATION_RESULTS,
  type RestorationEvidence,
  type RestorationFacts,
} from '@headgate/domain';
import { cut } from '@headgate/domain/model/text';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { digest, expects, list, name, oneOf, principal, whole } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { RESTORATION_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, type SignedParts, verifyBundle } from './verify.ts';

/** One line of so many characters that a log and a terminal can hold as it is. */
function line(max: number) {
  const phrase = expects(`one line of 1 to ${max} characters`);
  return z.string(phrase).refine((told) => isLine(told, max), phrase);
}

function isLine(told: string, max: number): boolean {
  return told.length >= 1 && told.length <= max && told.isWellFormed() && !/\p{Cc}/u.test(told);
}

const count = whole(0);

const predicate = z.strictObject({
  kind: oneOf(...RESTORATION_KINDS),
  environment: name,
  cell: name,
  stores: list(
    z.strictObject({
      store: name,
      point: line(64).exactOptional(),
      schemaVersion: count.exactOptional(),
      lastCommitAt: count.exactOptional(),
    }),
    0,
    MOST_RESTORED_STORES,
  ),
  tenants: list(name, 0, MOST_RESTORED_TENANTS),
  tenantCount: count,
  moment: line(300),
  subject: digest,
  by: principal.exactOptional(),
  approvals: list(z.strictObject({ by: principal, digest }), 0, 20),
  because: line(500).exactOptional(),
  startedAt: count,
  at: count,
  rows: z.strictObject({ back: count, away: count, changed: count }).exactOptional(),
  statement: digest.exactOptional(),
  rtoMs: count.exactOptional(),
  result: oneOf(...RESTORATION_RESULTS),
  failed: line(300).exactOptional(),
});

/** "This was brought back, and that is what came of it." Throws on facts that no statement may have. */
export function signRestoration(facts: RestorationFacts, key: SigningKey): SignedBundle {
  const { kind, cell, stores, subject } = facts;
  const parsed = predicate.parse(facts);
  const of = stores.length === 1 ? `${cell}/${stores[0]!.store}` : cell;
  return signStatement(statementAbout(`${kind} of ${of}`, subject, RESTORATION_PREDICATE, parsed), key);
}

export type RestorationRefusal = BundleRefusal | Refused<'restoration-malformed'>;

/** Opens one: signed by a key with the duty `restore-point`. Never throws on what comes from outside. */
export function openRestoration(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
): { readonly ok: true; readonly restoration: RestorationEvidence; readonly signed: SignedParts } | RestorationRefusal {
  const verified = verifyBundle(bundle, trust, 'restore-point');
  if (!verified.ok) return verified;
  const given = verified.statement.predicate;
  const parsed = predicate.safeParse(given);
  const mismatch = expectStatement(verified, RESTORATION_PREDICATE, parsed.success ? parsed.data.subject : undefined);
  if (mismatch !== undefined) return mismatch;
  if (parsed.success)
    return {
      ok: true,
      restoration: {
        ...(parsed.data as RestorationFacts),
        evidence: verified.signed.digest,
        keyId: verified.keyId,
      },
      signed: verified.signed,
    };
  const { where, why } = misfitOf(parsed.error, given, predicate);
  return refuse('restoration-malformed', 'statement of a restoration', why, {
    where,
    unblock: 'send it as the agent wrote it',
  });
}

/** Words of a person's, as one line of a statement. */
export function oneLine(told: string, max: number): string {
  const line = told.toWellFormed().replace(/\p{Cc}+/gu, ' ');
  return cut(line.trim(), max);
}
