/** Whether somebody may have a difference applied: another person's yes to that very digest. */
import type { Digest, Instant } from '../model/identity.ts';
import { type Refusal, refused } from '../model/refusal.ts';
import type { TenantDifference } from './difference.ts';

/** A yes whose signature was verified, by a key that the agent's own trust lists for that person. */
export interface DifferenceApproval {
  readonly by: string;
  readonly difference: Digest;
  readonly at: Instant;
  readonly notAfter: Instant;
  /** Digest of the signed statement. */
  readonly digest: Digest;
}

/** How far ahead the clock of the machine that signed may be. Milliseconds. */
const CLOCK_STEP_MS = 60_000;

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
  const faults = approvals.map((approval) => fault(approval, digest, by, runs, now));
  const good = approvals[faults.indexOf(undefined)];
  if (good !== undefined) return { ok: true, approval: good };
  const bad = approvals.map((each, i) => `that of ${each.by} ${faults[i]}`);
  return refused(
    'approval-missing',
    'apply this difference',
    `${cell}/${store}`,
    `it takes one person’s approval of ${digest}, and ${bad.length === 0 ? 'none was given' : bad.join('; ')}`,
    'have somebody who neither made nor applies it sign, on a machine of their own: `headgate recover-tenant approve FILE --key KEY --approver ID --out APPROVAL`, with a key that the agent’s trust file lists for them; then give it here with `--approval`',
  );
}

function fault(
  { by, difference, at, notAfter }: DifferenceApproval,
  digest: Digest,
  madeBy: string,
  runs: string,
  now: Instant,
): string | undefined {
  if (difference !== digest) return `is of another difference (${difference})`;
  if (by === runs) return 'is of who applies it';
  if (by === madeBy) return 'is of who made it';
  if (notAfter <= now) return `ended at ${new Date(notAfter).toISOString()}`;
  if (at > now + CLOCK_STEP_MS) return `is dated ahead, at ${new Date(at).toISOString()}`;
  return undefined;
}
