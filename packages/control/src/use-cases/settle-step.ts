import {
  type AskedAbout,
  decideAnswer,
  decideSettle,
  evolveRollout,
  mayRenew,
  type Outcome,
  type Principal,
  type Rollout,
  type RolloutAnswer,
} from '@headgate/domain';
import { commitRollout, gatherRollout, LEASE_MS } from '../controllers/rollout-controller.ts';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { streams } from '../records.ts';
import type { Gatherers } from './command-promotion.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/**
 * An agent answers for its assignment `n`. Answering twice with the same `n` is refused the second time: it is settled.
 * `epoch` is the one of its fence: a restored control plane hands out the same numbers for other steps.
 */
export async function settleStep(
  deps: Deps,
  with_: Gatherers,
  agent: Principal,
  rollout: string,
  n: number,
  outcome: Outcome,
  epoch: number = deps.epoch,
): Promise<Result<Rollout>> {
  const stream = streams.rollout(rollout);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return no(denied);
  if (epoch !== deps.epoch) return forgotten('settle a step', stream, epoch);
  return untilFresh('settle a step', stream, async () => {
    const [rows, now] = await Promise.all([deps.store.load([stream]), deps.store.now()]);
    const row = rows.get(stream) as Row<Rollout> | undefined;
    if (row === undefined) return notFound('settle a step', stream);
    if (!(agent.environments ?? []).includes(row.state.environment))
      return refuse('not-yours', 'settle a step', stream, 'the agent is not enrolled for this environment', 'enrol it');
    const gathered = await gatherRollout(with_.plans, with_.gates, row, now, deps.epoch);
    const decided = decideSettle(row.state, gathered.facts, agent.id, n, outcome);
    if (!decided.ok) return no(decided.refusal);
    const committed = await commitRollout(deps.store, row, gathered, decided.events, agent.id);
    return committed.ok ? ok(decided.events.reduce<Rollout>(evolveRollout, row.state)) : undefined;
  });
}

/** Prolongs a lease, and says how long for; refused once the assignment is somebody else's or its step's deadline is over. */
export async function renewLease(
  deps: Deps,
  agent: Principal,
  rollout: string,
  n: number,
  epoch: number = deps.epoch,
): Promise<Result<{ lifetimeMs: number }>> {
  const stream = streams.rollout(rollout);
  const denied = notPermitted(agent, 'carry-out', stream);
  if (denied !== undefined) return no(denied);
  if (epoch !== deps.epoch) return forgotten('renew a lease', stream, epoch);
  const row = (await deps.store.load([stream])).get(stream) as Row<Rollout> | undefined;
  if (row === undefined) return notFound('renew a lease', stream);
  const now = await deps.store.now();
  const lost = (): Result<{ lifetimeMs: number }> =>
    refuse('fenced', 'renew a lease', stream, `assignment ${n} is not yours any more`, 'stop what you do for it');
  if (!mayRenew(row.state, agent.id, n, now) || row.state.phase !== 'leased') return lost();
  const dueAt = Math.min(now + LEASE_MS, row.state.until);
  return (await deps.store.postpone(stream, row.version, dueAt)) ? ok({ lifetimeMs: dueAt - now }) : lost();
}

/** An assignment from before the control plane was restored: nobody remembers it, and its step is handed out anew. */
function forgotten<T>(what: string, stream: string, epoch: number): Result<T> {
  const why = `the assignment is of epoch ${epoch}, before the control plane was restored`;
  return refuse('fenced', what, stream, why, 'drop it and lease anew');
}

/** A person answers what a rollout asked, the question `about`: agree to lose data, decline it, or try the step again. */
export async function answerRollout(
  deps: Deps,
  with_: Gatherers,
  principal: Principal,
  rollout: string,
  answer: RolloutAnswer,
  reason?: string,
  about?: AskedAbout,
): Promise<Result<Rollout>> {
  const stream = streams.rollout(rollout);
  const denied = notPermitted(principal, 'answer', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh('answer', stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<Rollout> | undefined;
    if (row === undefined) return notFound('answer', stream);
    const now = await deps.store.now();
    const gathered = await gatherRollout(with_.plans, with_.gates, row, now, deps.epoch);
    const decided = decideAnswer(row.state, gathered.facts.cell, principal, now, answer, reason, about);
    if (!decided.ok) return no(decided.refusal);
    const committed = await commitRollout(deps.store, row, gathered, decided.events, principal.id);
    return committed.ok ? ok(decided.events.reduce<Rollout>(evolveRollout, row.state)) : undefined;
  });
}
