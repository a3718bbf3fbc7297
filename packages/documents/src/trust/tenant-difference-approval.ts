/** A person's signed yes to bringing a tenant's rows back: to one difference, for a while. */
import type { DifferenceApproval } from '@headgate/domain';
import type { Refused } from '../refusal.ts';
import { TENANT_DIFFERENCE_APPROVAL_PREDICATE } from './predicates.ts';
import type { SignedBundle } from './sign.ts';
import { type ApprovalKind, openYes, signYes } from './signed-approval.ts';
import type { SigningKey } from './signing-key.ts';
import type { Trust } from './trust.ts';
import type { BundleRefusal } from './verify.ts';

const KIND: ApprovalKind = {
  predicateType: TENANT_DIFFERENCE_APPROVAL_PREDICATE,
  of: 'difference of a tenant',
  again: 'headgate recover-tenant approve FILE --key KEY --approver ID --out APPROVAL',
};

/** Signs "I approve that this tenant's rows are brought back". Instants in milliseconds. */
export function signDifferenceApproval(
  { difference, ...rest }: Omit<DifferenceApproval, 'digest'>,
  key: SigningKey,
): SignedBundle {
  return signYes(KIND, { subject: difference, ...rest }, key);
}

/** Opens one, as {@link openYes} does: of which difference it is, and whether it has ended, is the domain's to judge. */
export function openDifferenceApproval(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
):
  | { readonly ok: true; readonly approval: DifferenceApproval }
  | BundleRefusal
  | Refused<'approval-malformed' | 'approval-not-own'> {
  const opened = openYes(KIND, bundle, trust);
  if (!opened.ok) return opened;
  const { subject: difference, ...rest } = opened.yes;
  return { ok: true, approval: { difference, ...rest } };
}
