/** A person's signed yes to one thing that has a digest, for a while: the form that approvals outside of a promotion share. */
import type { Digest, Instant, PrincipalId } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { principal, whole } from '../schema/fields.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

/** What is approved, as one kind of such approvals says it. */
export interface ApprovalKind {
  readonly predicateType: string;
  /** The subject's name: `compensation plan`. */
  readonly of: string;
  /** The command that signs one anew. */
  readonly again: string;
}

/** Instants in milliseconds. */
export interface SignedYes {
  readonly subject: Digest;
  readonly by: PrincipalId;
  readonly at: Instant;
  readonly notAfter: Instant;
}

const predicate = z.strictObject({ by: principal, at: whole(0), notAfter: whole(0) });

/** Signs "I approve this". */
export function signYes({ predicateType, of }: ApprovalKind, yes: SignedYes, key: SigningKey): SignedBundle {
  const { subject, by, at, notAfter } = yes;
  return signStatement(statementAbout(of, subject, predicateType, { by, at, notAfter }), key);
}

/**
 * Opens one: signed by a key with the duty `approval`, which the trust lists for the person that it names. Of what it is, and
 * whether it has ended, is the domain's to judge. Never throws on what comes from outside.
 */
export function openYes(
  { predicateType, of, again }: ApprovalKind,
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
):
  | { readonly ok: true; readonly yes: SignedYes & { readonly digest: Digest } }
  | BundleRefusal
  | Refused<'approval-malformed' | 'approval-not-own'> {
  const verified = verifyBundle(bundle, trust, 'approval');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, predicateType);
  if (mismatch !== undefined) return mismatch;
  const what = `approval of a ${of}`;
  const parsed = predicate.safeParse(verified.statement.predicate);
  if (!parsed.success || parsed.data.notAfter <= parsed.data.at)
    return refuse('approval-malformed', what, 'it doesn’t say by whom, since when and until when', {
      where: 'predicate',
      unblock: `have it signed again: \`${again}\``,
    });
  const { by, at, notAfter } = parsed.data;
  if (by !== verified.signer.principal)
    return refuse('approval-not-own', what, `it names ${by}, but the key is that of ${verified.signer.principal}`, {
      where: 'predicate.by',
      unblock: `sign with the key that the trust file lists for ${by}`,
    });
  return { ok: true, yes: { by, subject: subjectOf(verified.statement), at, notAfter, digest: verified.digest } };
}
