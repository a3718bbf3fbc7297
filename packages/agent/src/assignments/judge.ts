import type { Instant, Refusal } from '@headgate/domain';
import type { BlobCache } from '../artifacts/blob-cache.ts';
import { pinnedPolicy } from '../artifacts/pinned-policy.ts';
import type { Plans } from '../artifacts/plans.ts';
import type { Releases } from '../artifacts/releases.ts';
import type { SignedApprovals } from '../artifacts/signed-approvals.ts';
import { signedOnly } from '../checks/approved.ts';
import { judge } from '../checks/catalog.ts';
import { enrolledHere } from '../checks/enrolled-here.ts';
import { begunHere, type Enrolment, refusal } from '../checks/facts.ts';
import { needsRelease } from '../checks/release-known.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import type { LogTrouble } from '../heads/alarm.ts';
import type { BegunPlan } from '../marks/marks.ts';
import type { MarksFile } from '../marks/marks-file.ts';

export interface JudgeParts {
  readonly enrolment: Enrolment;
  readonly marks: Pick<MarksFile, 'marks'>;
  readonly blobs: Pick<BlobCache, 'get'>;
  readonly plans: Pick<Plans, 'get'>;
  readonly releases: Pick<Releases, 'open'>;
  readonly approvals: Pick<SignedApprovals, 'of'>;
  /** Why nothing may go forward. */
  alarm(): LogTrouble | undefined;
  /** This machine's wall clock. */
  now(): Instant;
}

/** A refusal, or the leave to go on; `step` is what is then remembered of the plan. */
export type Judged =
  | { readonly ok: false; readonly refusal: Refusal }
  | { readonly ok: true; readonly step: BegunPlan };

/** Gathers what the checks stand on, and asks them. Throws when the server is away. */
export async function judgeAssignment(parts: JudgeParts, assignment: Assignment, signal: AbortSignal): Promise<Judged> {
  const { enrolment } = parts;
  const { marks } = parts.marks;
  const foreign = enrolledHere({ assignment, enrolment });
  if (foreign !== undefined) return refused(foreign);
  const opened = await parts.plans.get(assignment.plan, signal);
  if (!opened.ok) return opened;
  const { plan } = opened;
  const cell = plan.cells.find((c) => c.cell === assignment.cell);
  if (cell === undefined)
    return refused(
      refusal({ assignment }, 'other-plan', 'the plan does not name this cell', 'nothing: it is another plan'),
    );
  const { action } = assignment;
  const named = action.kind === 'deploy' ? action.release.digest : plan.release.digest;
  const vouched = needsRelease(assignment) ? await parts.releases.open(named, signal) : undefined;
  if (vouched?.ok === false) return vouched;
  // What this agent began was judged in full when it began.
  const whole = !begunHere({ assignment, marks });
  const promoted = whole ? await parts.releases.open(plan.release.digest, signal) : undefined;
  if (promoted?.ok === false) return promoted;
  const pinned = enrolment.environments.find((e) => e.name === assignment.environment)?.policyDigest;
  const asked = whole && pinned !== undefined && pinned === plan.policyDigest;
  const against = judge({
    assignment,
    enrolment,
    marks,
    plan,
    cell,
    release: vouched?.release,
    promoted: promoted?.release,
    signed: whole && signedOnly({ assignment, enrolment }) ? await parts.approvals.of(assignment, signal) : [],
    policy: asked ? await pinnedPolicy(parts.blobs, pinned, signal) : undefined,
    alarm: parts.alarm(),
    now: parts.now(),
  });
  if (against !== undefined) return refused(against);
  if (assignment.course === 'undo')
    return {
      ok: true,
      step: { plan: assignment.plan, begun: assignment.begun, undone: true, undoing: assignment.step },
    };
  const begun = cell.steps.findIndex((step) => step.id === assignment.step) + 1;
  return { ok: true, step: { plan: assignment.plan, begun } };
}

function refused(refusal: Refusal): Judged {
  return { ok: false, refusal };
}
