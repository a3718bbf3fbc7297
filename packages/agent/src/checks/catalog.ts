/**
 * What the agent asks before each step, on its own judgement and in this order: the cheap and the telling first. Adding a
 * check: a file, and a line here.
 */
import type { Refusal } from '@headgate/domain';
import { approved } from './approved.ts';
import { documentsPinned } from './documents-pinned.ts';
import { enrolledHere } from './enrolled-here.ts';
import { envelopeNamed } from './envelope-named.ts';
import type { Check, CheckFacts } from './facts.ts';
import { inOrder } from './in-order.ts';
import { inTime } from './in-time.ts';
import { logUnbroken } from './log-unbroken.ts';
import { notReplayed } from './not-replayed.ts';
import { planFits } from './plan-fits.ts';
import { policyPinned } from './policy-pinned.ts';
import { releaseKnown } from './release-known.ts';
import { stepOfPlan } from './step-of-plan.ts';

export const CHECKS: readonly Check[] = [
  enrolledHere,
  notReplayed,
  logUnbroken,
  planFits,
  stepOfPlan,
  inOrder,
  envelopeNamed,
  policyPinned,
  documentsPinned,
  inTime,
  releaseKnown,
  approved,
];

/** The first thing that speaks against a step; undefined when it may be carried out. */
export function judge(facts: CheckFacts): Refusal | undefined {
  for (const check of CHECKS) {
    const refused = check(facts);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
