import { type Approval, changesSomething, type Instant, type PrincipalId, wholeNumber } from '@headgate/domain';
import { type Check, type CheckFacts, refusal } from './facts.ts';

/** How far this machine's clock may be off the control plane's. Milliseconds. */
export const CLOCK_TOLERANCE_MS = 300_000;

/**
 * Enough people who are neither the author nor the requester said yes to exactly this envelope. The approvals are what the
 * server attests. A wave consumes its approvals when it opens, so expiry is judged at a wave's first step in the cell.
 * Undo needs none, and neither does what changes nothing.
 */
export const approved: Check = (facts) => {
  const { assignment, plan } = facts;
  if (assignment.course === 'undo' || !changesSomething(assignment.action)) return undefined;
  for (const gate of plan.gates) {
    if (gate.gate !== 'approval') continue;
    const count = wholeNumber(gate.params, 'count');
    if (count === undefined || count < 1)
      return refusal(facts, 'not-approved', "the plan's approval gate has no count", 'set params.count in the policy');
    const holding = new Set(assignment.approvals.filter((a) => counts(facts, a)).map((a) => a.by));
    if (holding.size < count)
      return refusal(
        facts,
        'not-approved',
        `${holding.size} of ${count} approvals hold for envelope ${assignment.envelope}${barredOf(facts)}`,
        'approve it: `headgate approve`, by somebody who is neither author nor requester',
      );
  }
  return undefined;
};

function counts(facts: CheckFacts, approval: Approval): boolean {
  if (approval.envelope !== facts.assignment.envelope || barred(facts).has(approval.by)) return false;
  return !opensWave(facts) || heldUntil(approval) > facts.now;
}

const heldUntil = (approval: Approval): Instant => approval.expiresAt + CLOCK_TOLERANCE_MS;

function barred({ assignment, release }: CheckFacts): ReadonlySet<PrincipalId> {
  const authors = release?.manifest.authors ?? [];
  return new Set(assignment.requester === undefined ? authors : [...authors, assignment.requester]);
}

function barredOf(facts: CheckFacts): string {
  const own = facts.assignment.approvals.filter((a) => barred(facts).has(a.by)).map((a) => a.by);
  return own.length === 0 ? '' : ` (${own.join(', ')} made or requested the change)`;
}

/** Whether no earlier step of this wave was there to change something in this cell. */
function opensWave({ assignment, cell }: CheckFacts): boolean {
  const step = cell.steps.find((s) => s.id === assignment.step);
  const first = cell.steps.find((s) => s.wave === step?.wave && changesSomething(s.action));
  return step === undefined || first?.id === step.id;
}
