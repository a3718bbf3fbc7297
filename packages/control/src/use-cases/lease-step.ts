import {
  type Action,
  type Approval,
  type Digest,
  decideLease,
  type Fence,
  type Instant,
  type Principal,
  type PrincipalId,
  type ReleaseRef,
  type Rollout,
  type Scope,
  stepAtHand,
} from '@headgate/domain';
import { audienceOf, commitRollout, gatherRollout, LEASE_MS } from '../controllers/rollout-controller.ts';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { streams } from '../records.ts';
import type { Gatherers } from './command-promotion.ts';
import { no, notPermitted, ok, type Result } from './result.ts';

/** One step, handed to one agent: everything that it needs to check and carry it out. */
export interface Assignment {
  readonly rollout: string;
  readonly promotion: string;
  readonly application: string;
  readonly environment: string;
  readonly cell: string;
  readonly step: string;
  readonly action: Action;
  readonly course: 'forward' | 'undo';
  /** For an undo: what was decided, and how far the rollout had come, so that the agent derives the same steps. */
  readonly scope?: Scope;
  readonly begun: number;
  readonly fence: Fence;
  /** The same for every attempt at this step of this rollout. */
  readonly idempotencyKey: string;
  readonly plan: Digest;
  readonly release: ReleaseRef;
  readonly envelope: Digest;
  readonly approvals: readonly Approval[];
  /** Whose approval doesn't count, beside the authors'. */
  readonly requester: PrincipalId;
  /** From the moment the agent asked, on its own monotonic clock. Milliseconds. */
  readonly lifetimeMs: number;
  /** What is left of the step's own deadline. Milliseconds. */
  readonly stepMs: number;
  /** The promotion's trace, where it has one. */
  readonly traceparent?: string;
}

/**
 * Gives an agent the oldest step on offer in its environments, or undefined when there is none. `cells`: those that it says
 * it has; nobody else's step is any use to it. An agent that names none is offered all.
 */
export async function leaseStep(
  deps: Deps,
  with_: Gatherers,
  agent: Principal,
  cells?: readonly string[],
): Promise<Result<Assignment | undefined>> {
  const denied = notPermitted(agent, 'carry-out', 'assignment');
  if (denied !== undefined) return no(denied);
  const audiences = (agent.environments ?? []).map(audienceOf);
  const { now, rows } = await deps.store.offered(audiences, 10, cells?.map(streams.cell));
  for (const row of rows) {
    const leased = await leaseRow(deps, with_, agent, row as Row<Rollout>, now);
    if (leased !== undefined) return ok(leased);
  }
  return ok(undefined);
}

/** Undefined when somebody else was faster, a gate closed, or the facts were stale: the row is looked at again by itself. */
async function leaseRow(
  deps: Deps,
  { plans, gates }: Gatherers,
  agent: Principal,
  row: Row<Rollout>,
  now: Instant,
): Promise<Assignment | undefined> {
  const gathered = await gatherRollout(plans, gates, row, now, deps.epoch);
  const decided = decideLease(row.state, gathered.facts, agent.id, LEASE_MS);
  if (!decided.ok) return undefined;
  const leased = decided.events.find((e) => e.type === 'rollout.leased');
  // What is decided because somebody asked, but isn't the lease that they asked for, is nobody's but the system's.
  const by = leased === undefined ? 'sys' : agent.id;
  const committed = await commitRollout(deps.store, row, gathered, decided.events, by);
  const step = stepAtHand(row.state, gathered.facts.cell);
  if (!committed.ok || leased === undefined || step === undefined) return undefined;
  const { state } = row;
  const { promotion } = gathered;
  return {
    rollout: state.id,
    promotion: state.promotion,
    application: promotion.application,
    environment: state.environment,
    cell: state.cell,
    step: step.id,
    action: step.action,
    course: state.undo === null ? 'forward' : 'undo',
    ...(state.undo === null ? {} : { scope: state.undo.scope }),
    // Handed out again after a restore, a step is its place in the plan, however far the agent came before.
    begun: state.undo === null ? Math.min(state.begun, state.cursor + 1) : state.begun,
    fence: { epoch: deps.epoch, n: state.n },
    idempotencyKey: `${state.id}/${step.id}`,
    plan: state.planDigest,
    release: promotion.release,
    envelope: promotion.envelope,
    approvals: promotion.approvals,
    requester: promotion.requester,
    lifetimeMs: LEASE_MS,
    stepMs: step.timeoutMs,
    ...(promotion.trace !== undefined && { traceparent: promotion.trace }),
  };
}
