/** A person's signed yes to a store going back in place: to one proposal, for a while. */
import type { ProposalApproval } from '@headgate/domain';
import type { Refused } from '../refusal.ts';
import { STORE_PROPOSAL_APPROVAL_PREDICATE } from './predicates.ts';
import type { SignedBundle } from './sign.ts';
import { type ApprovalKind, openYes, signYes } from './signed-approval.ts';
import type { SigningKey } from './signing-key.ts';
import type { Trust } from './trust.ts';
import type { BundleRefusal } from './verify.ts';

const KIND: ApprovalKind = {
  predicateType: STORE_PROPOSAL_APPROVAL_PREDICATE,
  of: 'proposal to put a store back',
  again: 'headgate recover-store approve FILE --key KEY --approver ID --out APPROVAL',
};

/** Signs "I approve that this store goes back". Instants in milliseconds. */
export function signProposalApproval(
  { proposal, ...rest }: Omit<ProposalApproval, 'digest'>,
  key: SigningKey,
): SignedBundle {
  return signYes(KIND, { subject: proposal, ...rest }, key);
}

/** Opens one, as {@link openYes} does: of which proposal it is, and whether it has ended, is the domain's to judge. */
export function openProposalApproval(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
):
  | { readonly ok: true; readonly approval: ProposalApproval }
  | BundleRefusal
  | Refused<'approval-malformed' | 'approval-not-own'> {
  const opened = openYes(KIND, bundle, trust);
  if (!opened.ok) return opened;
  const { subject: proposal, ...rest } = opened.yes;
  return { ok: true, approval: { proposal, ...rest } };
}
