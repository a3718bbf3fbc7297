/** Whether a copy of a store may be used where a policy asks for masked ones. */

import type { CellState } from '../model/cell.ts';
import type { Digest } from '../model/identity.ts';
import { type Refusal, refused } from '../model/refusal.ts';
import type { MaskedCopies, PolicySpec } from '../model/specs.ts';

/** What a copy says of itself: its mark, which the restore sets and masking completes. */
export interface CopyFacts {
  readonly name: string;
  /** What it was made from; undefined: it isn't marked as a copy, and may be anything. */
  readonly of: string | undefined;
  /** Digest of the rules that it was masked by, once all of it is. */
  readonly maskedBy: Digest | undefined;
  /** Places in which original values were found; undefined: nobody looked. */
  readonly leaks: number | undefined;
}

export interface CopyPolicy {
  readonly maskedCopies: MaskedCopies;
  /** Rules by one of these alone; empty: by any. */
  readonly rules?: readonly Digest[];
}

export type CopyVerdict = { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal };

/**
 * The stores of a cell that may not stand in an environment of this policy, and why. One that bears no mark may be anything,
 * production's too; so may one of which nothing was seen.
 */
export function unmaskedStores(
  stores: readonly string[],
  seen: CellState | undefined,
  { maskedCopies = 'not-required', maskingRules = [] }: Pick<PolicySpec, 'maskedCopies' | 'maskingRules'>,
): readonly Refusal[] {
  if (maskedCopies === 'not-required') return [];
  return stores.flatMap((name) => {
    const copy = seen?.stores[name]?.copy;
    const facts = { name: `store/${name}`, of: copy?.of, maskedBy: copy?.maskedBy, leaks: copy?.leaks };
    const verdict = copyMayBeAttached(facts, { maskedCopies, rules: maskingRules });
    return verdict.ok ? [] : [verdict.refusal];
  });
}

/** A copy may be attached when nothing asks for masking, or when it is masked and was found free of originals. */
export function copyMayBeAttached(copy: CopyFacts, policy: CopyPolicy): CopyVerdict {
  if (policy.maskedCopies === 'not-required') return { ok: true };
  const no = (code: string, why: string, unblock: string): CopyVerdict =>
    refused(code, 'attaching a copy', copy.name, why, unblock);
  if (copy.of === undefined)
    return no(
      'copy-unmarked',
      'it isn’t marked as a copy',
      'restore it from a restore point, which marks it; one that was restored otherwise: headgate mask mark-copy --database-env VAR --of WHAT --database NAME',
    );
  if (copy.maskedBy === undefined)
    return no(
      'copy-unmasked',
      'the policy asks for masked copies, and it isn’t masked',
      'mask it first: headgate mask --database-env VAR --rules FILE',
    );
  const { rules = [] } = policy;
  if (rules.length > 0 && !rules.includes(copy.maskedBy))
    return no(
      'copy-other-rules',
      `it is masked by ${copy.maskedBy}, which the policy doesn’t name`,
      'mask a fresh copy',
    );
  if (copy.leaks === undefined)
    return no('copy-unscanned', 'nobody looked whether originals are left in it', 'run the leak scan');
  if (copy.leaks > 0)
    return no(
      'copy-leaks',
      `originals were found in ${copy.leaks} ${copy.leaks === 1 ? 'place' : 'places'}`,
      'add rules for those places, and mask a fresh copy',
    );
  return { ok: true };
}
