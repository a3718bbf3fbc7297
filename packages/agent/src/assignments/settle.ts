import { setTimeout as pause } from 'node:timers/promises';
import type { Outcome } from '@headgate/domain';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Lease } from './lease.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1_000;

/**
 * Answers for an assignment, again and again while the server is away and the lease lives. `dropped`: it is somebody
 * else's now, or it was settled by an answer of ours that got through without our hearing of it.
 */
export async function settle(
  plane: Pick<ControlPlane, 'settle'>,
  lease: Lease,
  outcome: Outcome,
): Promise<'settled' | 'dropped'> {
  const { rollout, fence } = lease.assignment;
  for (let waitMs = FIRST_WAIT_MS; lease.remainingMs() > 0; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return (await plane.settle(rollout, fence, bounded(outcome))) ? 'settled' : 'dropped';
    } catch {
      await pause(Math.min(waitMs, lease.remainingMs()));
    }
  }
  return 'dropped';
}

/** Texts as long as the contract takes them. */
function bounded(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case 'done':
      return { ...outcome, result: boundedResult(outcome.result) };
    case 'waiting':
      return { ...outcome, reason: outcome.reason.slice(0, 500), untilMs: Math.max(0, Math.round(outcome.untilMs)) };
    case 'failed': {
      const { result, ...rest } = outcome;
      const why = outcome.why.slice(0, 2_000);
      return result === undefined ? { ...rest, why } : { ...rest, why, result: boundedResult(result) };
    }
  }
}

type Result = Extract<Outcome, { kind: 'done' }>['result'];

function boundedResult(result: Result): Result {
  const first = result.checks?.firstFailure;
  if (result.checks === undefined || first === undefined) return result;
  const firstFailure = { ...first, check: first.check.slice(0, 200), why: first.why.slice(0, 500) };
  return { ...result, checks: { ...result.checks, firstFailure } };
}
