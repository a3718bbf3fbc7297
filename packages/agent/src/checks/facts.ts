import type { SignedApproval } from '@headgate/documents';
import type { CellPlan, Digest, Instant, Plan, Refusal, ReleaseManifest } from '@headgate/domain';
import type { PolicyDemands } from '../artifacts/pinned-policy.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import type { LogTrouble } from '../heads/alarm.ts';
import { type Marks, newestPlan, planOf } from '../marks/marks.ts';

/** What the agent was enrolled for, by its own configuration: the server can't widen it. */
export interface Enrolment {
  readonly environments: readonly PinnedEnvironment[];
  readonly cells: readonly { readonly cell: string; readonly environment: string; readonly application: string }[];
}

export interface PinnedEnvironment {
  readonly name: string;
  /** The only policy whose plans are carried out here; without one the plan's own is taken as it is. */
  readonly policyDigest?: Digest;
  /** The only documents (Verification, Reconciliation) that are carried out here; without a list the plan's own are. */
  readonly documents?: readonly Digest[];
  /** Only approvals count that their approvers signed with keys of the pinned trust file; the server's word doesn't. */
  readonly signedApprovals?: boolean;
  /**
   * After how long without a server a failing stop condition is taken back by the agent itself, where nothing is lost by it;
   * without it, never. Milliseconds.
   */
  readonly rollBackAloneAfterMs?: number;
}

/** A release that the agent vouches for: sealed by a key of its own trust file, or seen running by itself. */
export interface KnownRelease {
  readonly digest: Digest;
  readonly manifest: ReleaseManifest;
  readonly by: 'signature' | 'own-observation';
}

/** Everything that the checks judge. Gathered before; the checks themselves ask nobody. */
export interface CheckFacts {
  readonly assignment: Assignment;
  readonly enrolment: Enrolment;
  /** The newest tokens that this agent acted on. */
  readonly marks: Marks;
  /** Its digest was recomputed from its bytes. */
  readonly plan: Plan;
  readonly cell: CellPlan;
  /** The release that the step needs, if it needs one: see `needsRelease`. */
  readonly release: KnownRelease | undefined;
  /** The plan's release, whose authors' approvals don't count; undefined when none are asked for. */
  readonly promoted: KnownRelease | undefined;
  /** The pinned policy itself, for a plan that names it. */
  readonly policy: PolicyDemands | undefined;
  /** Those of the assignment's approvals whose signature holds, by the agent's own trust. Empty unless they are asked for. */
  readonly signed: readonly SignedApproval[];
  /** Why forward steps are refused at all: the alarm over the log. */
  readonly alarm: LogTrouble | undefined;
  /** This machine's wall clock. Only ever compared with a wide tolerance. */
  readonly now: Instant;
}

/** One question before a step; undefined when nothing speaks against it. */
export type Check = (facts: CheckFacts) => Refusal | undefined;

/**
 * Whether this is the undo of something that this agent itself took forward, and so judged before: it needs no approval
 * and no pin any more. One step more than the agent knows of may have been handed out to nobody; never more. What came
 * before the newest plan is settled, and nobody's to take back.
 */
export function begunHere({ assignment, marks }: Pick<CheckFacts, 'assignment' | 'marks'>): boolean {
  const newest = newestPlan(marks, assignment.cell);
  const known = newest?.plan === assignment.plan ? newest : undefined;
  return assignment.course === 'undo' && known !== undefined && assignment.begun <= known.begun + 1;
}

/** How many steps of the assignment's plan this agent began in its cell; undefined: it knows nothing of the plan. */
export function begunKnown({ assignment, marks }: Pick<CheckFacts, 'assignment' | 'marks'>): number | undefined {
  return planOf(marks, assignment.cell, assignment.plan)?.begun;
}

/** Builds a check's refusal: what is refused and where is the same for all of them. */
export function refusal(facts: Pick<CheckFacts, 'assignment'>, code: string, why: string, unblock: string): Refusal {
  const { rollout, step, cell } = facts.assignment;
  return { code, what: `carry out step ${step} of rollout ${rollout}`, where: `cell/${cell}`, why, unblock };
}
