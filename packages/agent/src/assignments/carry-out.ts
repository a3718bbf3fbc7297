import type { Tracing } from '@headgate/adapters/tracing/index';
import type { Outcome } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { type BlobCache, Tampered } from '../artifacts/blob-cache.ts';
import type { Releases } from '../artifacts/releases.ts';
import type { Cell } from '../cells/cell.ts';
import { signedOnly } from '../checks/approved.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import type { Logger } from '../log.ts';
import type { MarksFile } from '../marks/marks-file.ts';
import { type JudgeParts, judgeAssignment } from './judge.ts';
import type { Lease } from './lease.ts';
import { Refused, rejected } from './refused.ts';

export interface CarryOutParts extends JudgeParts {
  readonly marks: MarksFile;
  readonly blobs: BlobCache;
  readonly releases: Releases;
  readonly tracing?: Tracing | undefined;
  /** Called when an assignment was judged, before anything is done for it: it is written down what is at work. */
  begins?(assignment: Assignment): Promise<void>;
}

/**
 * One assignment from its checks to its outcome: judge it on our own, put its token on disk, then let the executor act.
 * Never throws; what breaks on the way is a transient failure, what is wrong is a rejection.
 */
export async function carryOut(parts: CarryOutParts, cell: Cell, lease: Lease, log: Logger): Promise<Outcome> {
  const { assignment } = lease;
  try {
    const judged = await inSpan(parts, 'judge', () => judgeAssignment(parts, assignment, lease.signal));
    if (!judged.ok) {
      log.error({ refusal: judged.refusal }, 'step refused');
      return rejected(judged.refusal);
    }
    await parts.begins?.(assignment);
    if (!(await parts.marks.take(assignment.cell, assignment.fence, judged.step)))
      return { kind: 'failed', code: 'fenced', why: 'a later assignment was taken up meanwhile' };
    lease.signal.throwIfAborted();
    // Without the approvers' own signatures the agent knows of approvals what the server attests; it claims no more.
    const how = signedOnly({ assignment, enrolment: parts.enrolment }) ? 'signed' : 'server-attested';
    const approvals = assignment.approvals.map((a) => `${a.by} (${how})`);
    const { kind } = assignment.action;
    log.info(assignment.course === 'forward' ? { action: kind, approvals } : { action: kind }, 'step begins');
    return await inSpan(parts, `execute ${kind}`, () =>
      cell.carryOut(assignment.action, contextOf(parts, assignment, lease.signal, log)),
    );
  } catch (error) {
    if (error instanceof Tampered || error instanceof Refused) {
      log.error({ refusal: error.refusal }, 'step refused');
      return rejected(error.refusal);
    }
    if (!lease.signal.aborted) log.warn({ err: error }, 'step broke off');
    return { kind: 'failed', code: 'transient', why: (error as Error).message };
  }
}

function inSpan<T>({ tracing }: CarryOutParts, name: string, work: () => Promise<T>): Promise<T> {
  return tracing === undefined ? work() : tracing.around(name, {}, work);
}

/**
 * Kept of a step's time for its answer: the server counts from before we heard of it, and what wasn't done in time is told
 * with its reason, instead of being a lease that nobody renewed. Milliseconds.
 */
const MOST_ANSWER_MS = 3_000;

/** What an executor is given for an assignment, for as long as the signal lets it. */
export function contextOf(
  parts: Pick<CarryOutParts, 'blobs' | 'releases'>,
  assignment: Omit<Assignment, 'action' | 'lifetimeMs'>,
  signal: AbortSignal,
  log: Logger,
): StepContext {
  const { cell, environment, application, rollout, step, fence, idempotencyKey } = assignment;
  const stepEnds = performance.now() + assignment.stepMs - Math.min(MOST_ANSWER_MS, assignment.stepMs / 10);
  return {
    cell,
    environment,
    application,
    rollout,
    step,
    release: assignment.release.digest,
    fence,
    idempotencyKey,
    signal,
    // The step's own deadline, not the lease's: a lease is renewed while the work goes on, and aborts it when it isn't.
    remainingMs: () => (signal.aborted ? 0 : Math.max(0, stepEnds - performance.now())),
    blob: (digest) => parts.blobs.get(digest, signal),
    async manifest(digest) {
      const opened = await parts.releases.open(digest, signal);
      if (!opened.ok) throw new Refused(opened.refusal);
      return opened.release.manifest;
    },
    async document(digest) {
      return JSON.parse(Buffer.from(await parts.blobs.get(digest, signal)).toString('utf8'));
    },
    log: (event) => log.info(event),
  };
}
