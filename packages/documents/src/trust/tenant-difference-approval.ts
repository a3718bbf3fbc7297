/** A person's signed yes to bringing a tenant's rows back: to one difference, for a while. */
import type { DifferenceApproval, Digest } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { principal, whole } from '../schema/fields.ts';
import { TENANT_DIFFERENCE_APPROVAL_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

const predicate = z.strictObject({ by: principal, at: whole(0), notAfter: whole(0) });

/** Signs "I approve that this tenant's rows are brought back". Instants in milliseconds. */
export function signDifferenceApproval(
  { difference, by, at, notAfter }: Omit<DifferenceApproval, 'digest'>,
  key: SigningKey,
): SignedBundle {
  return signStatement(
    statementAbout('difference of a tenant', difference as Digest, TENANT_DIFFERENCE_APPROVAL_PREDICATE, {
      by,
      at,
      notAfter,
    }),
    key,
  );
}

/**
 * Opens one: signed by a key with the duty `approval`, which the trust lists for the person that it names. Of which
 * difference it is, and whether it has ended, is the domain's to judge. Never throws on what comes from outside.
 */
export function openDifferenceApproval(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
):
  | { readonly ok: true; readonly approval: DifferenceApproval }
  | BundleRefusal
  | Refused<'approval-malformed' | 'approval-not-own'> {
  const verified = verifyBundle(bundle, trust, 'approval');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, TENANT_DIFFERENCE_APPROVAL_PREDICATE);
  if (mismatch !== undefined) return mismatch;
  const what = 'approval of a difference';
  const parsed = predicate.safeParse(verified.statement.predicate);
  if (!parsed.success || parsed.data.notAfter <= parsed.data.at)
    return refuse('approval-malformed', what, 'it doesn’t say by whom, since when and until when', {
      where: 'predicate',
      unblock: 'have it signed again: `headgate recover-tenant approve FILE --key KEY --approver ID --out APPROVAL`',
    });
  const { by, at, notAfter } = parsed.data;
  if (by !== verified.signer.principal)
    return refuse('approval-not-own', what, `it names ${by}, but the key is that of ${verified.signer.principal}`, {
      where: 'predicate.by',
      unblock: `sign with the key that the trust file lists for ${by}`,
    });
  return {
    ok: true,
    approval: { by, difference: subjectOf(verified.statement), at, notAfter, digest: verified.digest },
  };
}
