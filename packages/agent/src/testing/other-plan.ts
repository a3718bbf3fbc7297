/** For tests only: what a server would hand out that made another plan of the same release. */
import { canonicalBytes, digestOf, digestOfJson } from '@headgate/documents';
import { type Digest, envelopeOf, type Plan } from '@headgate/domain';
import type { Assignment } from '../control-plane/assignment.ts';
import type { SealedPlan } from './sealed-plan.ts';

/** Puts a value on the server and names it. */
export function put(sealed: SealedPlan, value: unknown): Digest {
  const bytes = canonicalBytes(value);
  const digest = digestOf(bytes);
  sealed.blobs.set(digest, bytes);
  return digest;
}

/** An assignment for another plan, sound but for what the plan itself says. */
export function forPlan(sealed: SealedPlan, step: string, plan: Plan, more: Partial<Assignment> = {}): Assignment {
  const envelope = digestOfJson(envelopeOf(plan));
  const action = plan.cells[0]!.steps.find((s) => s.id === step)!.action;
  const approvals = sealed.forward(step).approvals.map((a) => ({ ...a, envelope }));
  return sealed.forward(step, { plan: put(sealed, plan), envelope, approvals, action, ...more });
}

/** The plan with one step's action changed. */
export function withStep(sealed: SealedPlan, step: string, change: (action: never) => object): Plan {
  const cells = sealed.plan.cells.map((cell) => ({
    ...cell,
    steps: cell.steps.map((s) => (s.id === step ? ({ ...s, action: change(s.action as never) } as typeof s) : s)),
  }));
  return { ...sealed.plan, cells };
}
