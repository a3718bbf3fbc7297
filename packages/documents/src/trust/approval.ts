/** Approvals that a person signs with a key of their own: proof to an agent, whatever the server says. */
import type { Digest, Instant, PrincipalId } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { APPROVAL_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

/** Structurally the domain's approval, with the digest of its proof. */
export interface SignedApproval {
  readonly by: PrincipalId;
  readonly envelope: Digest;
  readonly at: Instant;
  readonly expiresAt: Instant;
  readonly proof: 'signed';
  readonly keyId: string;
  /** Digest of the bundle. */
  readonly digest: Digest;
}

export interface ApprovalContent {
  /** Digest of the envelope that the approver saw. */
  readonly envelope: Digest;
  readonly by: PrincipalId;
  readonly at: Instant;
  readonly expiresAt: Instant;
}

const predicateSchema = z.strictObject({
  by: z.string().min(1).max(100),
  at: z.int().min(0),
  expiresAt: z.int().min(0),
});

/** Signs "I approve this envelope". Instants in milliseconds. */
export function signApproval(content: ApprovalContent, key: SigningKey): SignedBundle {
  const { envelope, by, at, expiresAt } = content;
  return signStatement(statementAbout('envelope', envelope, APPROVAL_PREDICATE, { by, at, expiresAt }), key);
}

/** Opens an approval; with `envelope`, only one of exactly that envelope. Whether it has expired is the gate's to judge. */
export function openApproval(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  envelope?: Digest,
):
  | { readonly ok: true; readonly approval: SignedApproval }
  | BundleRefusal
  | Refused<'approval-malformed' | 'approval-not-own'> {
  const verified = verifyBundle(bundle, trust, 'approval');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, APPROVAL_PREDICATE, envelope);
  if (mismatch !== undefined) return mismatch;
  const predicate = predicateSchema.safeParse(verified.statement.predicate);
  if (!predicate.success) {
    const where = `predicate.${predicate.error.issues[0]?.path.join('.') ?? ''}`;
    return refuse('approval-malformed', 'approval', `at ${where}: ${predicate.error.issues[0]?.message}`, { where });
  }
  const { by, at, expiresAt } = predicate.data;
  if (expiresAt <= at)
    return refuse('approval-malformed', 'approval', 'it expires before it was given', { where: 'predicate.expiresAt' });
  if (by !== verified.signer.principal) {
    return refuse(
      'approval-not-own',
      'approval',
      `it names ${by}, but the key is that of ${verified.signer.principal ?? 'nobody'}`,
      {
        where: 'predicate.by',
        unblock: 'approve with the key that the trust file lists for that person',
      },
    );
  }
  return {
    ok: true,
    approval: {
      by,
      envelope: subjectOf(verified.statement),
      at,
      expiresAt,
      proof: 'signed',
      keyId: verified.keyId,
      digest: verified.digest,
    },
  };
}
