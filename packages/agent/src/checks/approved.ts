import { type Instant, type PrincipalId, wholeNumber } from '@headgate/domain';
import { begunHere, begunKnown, type Check, type CheckFacts, refusal } from './facts.ts';

/** How far this machine's clock may be off the control plane's. Milliseconds. */
export const CLOCK_TOLERANCE_MS = 300_000;

/** What the check reads of an approval, whoever vouches for it. */
interface Yes {
  readonly by: PrincipalId;
  readonly envelope: string;
  readonly expiresAt: Instant;
}

/**
 * Enough people who are neither the author nor the requester said yes to exactly this envelope: before every forward step,
 * also one that only looks, since looking is done with the environment's credentials. The approvals are what the server
 * attests, or, where the environment asks for it, what the approvers signed. A wave consumes its approvals when it opens,
 * so expiry is judged until this agent has begun a step of the wave in the cell. An undo of what this agent began needs none; any other undo is
 * one of something that was approved, however long ago.
 */
export const approved: Check = (facts) => {
  const { assignment, plan } = facts;
  if (begunHere(facts)) return undefined;
  for (const gate of plan.gates) {
    if (gate.gate !== 'approval') continue;
    const count = wholeNumber(gate.params, 'count');
    if (count === undefined || count < 1)
      return refusal(facts, 'not-approved', "the plan's approval gate has no count", 'set params.count in the policy');
    const holding = new Set(
      given(facts)
        .filter((a) => counts(facts, a))
        .map((a) => a.by),
    );
    if (holding.size < count)
      return refusal(
        facts,
        'not-approved',
        `${holding.size} of ${count} ${signedOnly(facts) ? 'signed ' : ''}approvals hold for envelope ${assignment.envelope}${barredOf(facts)}`,
        `approve it: \`headgate approve ${assignment.promotion}${signedOnly(facts) ? ' --sign-key FILE' : ''}\`, by somebody who is neither author nor requester`,
      );
  }
  return undefined;
};

/** Whether this environment takes nobody's word for an approval. */
export function signedOnly({ assignment, enrolment }: Pick<CheckFacts, 'assignment' | 'enrolment'>): boolean {
  return enrolment.environments.find((e) => e.name === assignment.environment)?.signedApprovals === true;
}

function given(facts: CheckFacts): readonly Yes[] {
  return signedOnly(facts) ? facts.signed : facts.assignment.approvals;
}

function counts(facts: CheckFacts, approval: Yes): boolean {
  if (approval.envelope !== facts.assignment.envelope || barred(facts).has(approval.by)) return false;
  return !opensWave(facts) || heldUntil(approval) > facts.now;
}

const heldUntil = (approval: Yes): Instant => approval.expiresAt + CLOCK_TOLERANCE_MS;

function barred({ assignment, promoted }: CheckFacts): ReadonlySet<PrincipalId> {
  const authors = promoted?.manifest.authors ?? [];
  return new Set(assignment.requester === undefined ? authors : [...authors, assignment.requester]);
}

function barredOf(facts: CheckFacts): string {
  const own = given(facts)
    .filter((a) => barred(facts).has(a.by))
    .map((a) => a.by);
  return own.length === 0 ? '' : ` (${own.join(', ')} made or requested the change)`;
}

/** Whether this agent has begun nothing of the step's wave in this cell: then its approvals must hold now. */
function opensWave(facts: CheckFacts): boolean {
  const { assignment, cell } = facts;
  if (assignment.course === 'undo') return false;
  const step = cell.steps.find((s) => s.id === assignment.step);
  const first = cell.steps.findIndex((s) => s.wave === step?.wave);
  return (begunKnown(facts) ?? 0) <= first;
}
