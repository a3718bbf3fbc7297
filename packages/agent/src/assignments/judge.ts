import type { Instant, Refusal } from '@headgate/domain';
import type { BlobCache } from '../artifacts/blob-cache.ts';
import { pinnedPolicy } from '../artifacts/pinned-policy.ts';
import type { Plans } from '../artifacts/plans.ts';
import type { Releases } from '../artifacts/releases.ts';
import { judge } from '../checks/catalog.ts';
import { enrolledHere } from '../checks/enrolled-here.ts';
import { type Enrolment, refusal } from '../checks/facts.ts';
import { needsRelease } from '../checks/release-known.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import type { MarksFile } from '../marks/marks-file.ts';

export interface JudgeParts {
  readonly enrolment: Enrolment;
  readonly marks: Pick<MarksFile, 'marks'>;
  readonly blobs: Pick<BlobCache, 'get'>;
  readonly plans: Pick<Plans, 'get'>;
  readonly releases: Pick<Releases, 'open'>;
  /** Why nothing may go forward. */
  alarm(): string | undefined;
  /** This machine's wall clock. */
  now(): Instant;
}

/** Gathers what the checks stand on, and asks them. Undefined: the step may be carried out. Throws when the server is away. */
export async function judgeAssignment(
  parts: JudgeParts,
  assignment: Assignment,
  signal: AbortSignal,
): Promise<Refusal | undefined> {
  const { enrolment, marks } = parts;
  const foreign = enrolledHere({ assignment, enrolment });
  if (foreign !== undefined) return foreign;
  const opened = await parts.plans.get(assignment.plan, signal);
  if (!opened.ok) return opened.refusal;
  const { plan } = opened;
  const cell = plan.cells.find((c) => c.cell === assignment.cell);
  if (cell === undefined)
    return refusal({ assignment }, 'other-plan', 'the plan does not name this cell', 'nothing: it is another plan');
  const { action } = assignment;
  const named = action.kind === 'deploy' ? action.release.digest : plan.release.digest;
  const vouched = needsRelease(assignment) ? await parts.releases.open(named, signal) : undefined;
  if (vouched?.ok === false) return vouched.refusal;
  const pinned = enrolment.environments.find((e) => e.name === assignment.environment)?.policyDigest;
  const asked = assignment.course === 'forward' && pinned !== undefined && pinned === plan.policyDigest;
  return judge({
    assignment,
    enrolment,
    marks: marks.marks,
    plan,
    cell,
    release: vouched?.release,
    policy: asked ? await pinnedPolicy(parts.blobs, pinned, signal) : undefined,
    alarm: parts.alarm(),
    now: parts.now(),
  });
}
