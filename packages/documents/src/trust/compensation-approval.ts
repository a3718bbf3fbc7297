/** A person's signed yes to a compensation plan: to its lines, for a while. */
import type { CompensationApproval } from '@headgate/domain';
import type { Refused } from '../refusal.ts';
import { COMPENSATION_APPROVAL_PREDICATE } from './predicates.ts';
import type { SignedBundle } from './sign.ts';
import { type ApprovalKind, openYes, signYes } from './signed-approval.ts';
import type { SigningKey } from './signing-key.ts';
import type { Trust } from './trust.ts';
import type { BundleRefusal } from './verify.ts';

const KIND: ApprovalKind = {
  predicateType: COMPENSATION_APPROVAL_PREDICATE,
  of: 'compensation plan',
  again: 'headgate reconcile approve PLAN --key KEY --approver ID --out FILE',
};

/** Signs "I approve this compensation plan": `plan` is the digest that the approver saw. Instants in milliseconds. */
export function signCompensationApproval(
  { plan, ...rest }: Omit<CompensationApproval, 'digest'>,
  key: SigningKey,
): SignedBundle {
  return signYes(KIND, { subject: plan, ...rest }, key);
}

/** Opens one, as {@link openYes} does: of which plan it is, and whether it has ended, is the domain's to judge. */
export function openCompensationApproval(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
):
  | { readonly ok: true; readonly approval: CompensationApproval }
  | BundleRefusal
  | Refused<'approval-malformed' | 'approval-not-own'> {
  const opened = openYes(KIND, bundle, trust);
  if (!opened.ok) return opened;
  const { subject: plan, ...rest } = opened.yes;
  return { ok: true, approval: { plan, ...rest } };
}
