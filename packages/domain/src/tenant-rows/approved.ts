/** Whether somebody may have a difference applied: another person's yes to that very digest. */
import type { Digest, Instant } from '../model/identity.ts';
import { othersYes, type SignedYes } from '../model/others-yes.ts';
import { type Refusal, refused } from '../model/refusal.ts';
import type { TenantDifference } from './difference.ts';

export interface DifferenceApproval extends SignedYes {
  readonly difference: Digest;
}

export type JudgedDifference =
  | { readonly ok: true; readonly approval: DifferenceApproval }
  | { readonly ok: false; readonly refusal: Refusal };

/** One approval has to count: of this digest, in force, and neither of who runs it nor of who made the difference. */
export function judgeApproval(
  { cell, store, by }: Pick<TenantDifference, 'cell' | 'store' | 'by'>,
  digest: Digest,
  approvals: readonly DifferenceApproval[],
  runs: string,
  now: Instant,
): JudgedDifference {
  const words = { thing: 'difference', made: 'made' };
  const subjectOf = ({ difference }: DifferenceApproval): Digest => difference;
  const judged = othersYes({ approvals, subjectOf, digest, madeBy: by, runs, now, words });
  if (judged.ok) return judged;
  return refused(
    'approval-missing',
    'apply this difference',
    `${cell}/${store}`,
    judged.why,
    'have somebody who neither made nor applies it sign, on a machine of their own: `headgate recover-tenant approve FILE --key KEY --approver ID --out APPROVAL`, with a key that the agent’s trust file lists for them; then give it here with `--approval`',
  );
}
