import type { RolloutEvent } from './events.ts';
import type { Rollout, RolloutCore } from './state.ts';

/** Folds one event into a rollout's state. Total on the log's own events: what was decided is never refused here. */
export function evolveRollout(state: Rollout | undefined, event: RolloutEvent): Rollout {
  if (event.type === 'rollout.opened') {
    const { id, promotion, cell, environment, plan, epoch, after = 0, closesOperations, until } = event.data;
    const core: RolloutCore = {
      id,
      promotion,
      cell,
      environment,
      planDigest: plan,
      epoch,
      n: after,
      cursor: 0,
      begun: 0,
      attempt: 0,
      undo: null,
      restorePoints: [],
      ...(closesOperations !== undefined && { closesOperations }),
    };
    return { ...core, phase: 'waiting', reason: 'opened', until, lookAt: 0, notBefore: 0 };
  }
  if (state === undefined) throw new Error(`the first event of a rollout is rollout.opened, not ${event.type}`);
  const core = coreOf(state);
  switch (event.type) {
    case 'rollout.waiting':
      return { ...core, phase: 'waiting', ...event.data, notBefore: 0 };
    case 'rollout.offered':
      return { ...core, n: event.data.n, phase: 'offered', step: event.data.step, until: event.data.until };
    case 'rollout.leased': {
      const { step, agent, leaseMs, until } = event.data;
      const begun = core.undo === null ? Math.max(core.begun, core.cursor + 1) : core.begun;
      return { ...core, begun, phase: 'leased', step, agent, leaseMs, until };
    }
    case 'rollout.lease-lost': {
      const { why, until, lookAt } = event.data;
      return {
        ...core,
        attempt: core.attempt + 1,
        phase: 'waiting',
        reason: `the lease was lost (${why})`,
        until,
        lookAt,
        notBefore: lookAt,
      };
    }
    case 'rollout.step-done':
      return stepDone(core, event.data);
    case 'rollout.step-waits': {
      const { reason, until, lookAt } = event.data;
      return { ...core, phase: 'waiting', reason, until, lookAt, notBefore: lookAt };
    }
    case 'rollout.step-failed': {
      const { step, code, why, after, tenants, until, lookAt } = event.data;
      if (after === 'retry')
        return { ...core, attempt: core.attempt + 1, phase: 'waiting', reason: why, until, lookAt, notBefore: lookAt };
      if (after === 'ask') return { ...core, attempt: 0, phase: 'asking', step, question: why, until };
      return { ...core, phase: 'failed', step, code, why, tenants, until };
    }
    case 'rollout.asked':
      return { ...core, phase: 'asking', ...event.data };
    case 'rollout.answered': {
      const undo = core.undo === null ? null : { ...core.undo, agreed: event.data.answer === 'agree' };
      return {
        ...core,
        ...(event.data.tried && { tried: event.data.tried }),
        undo,
        attempt: 0,
        phase: 'waiting',
        reason: `answered: ${event.data.answer}`,
        until: event.data.until,
        lookAt: event.data.lookAt,
        notBefore: 0,
      };
    }
    case 'rollout.undo-begun': {
      const { scope, because, begun = core.begun, until, lookAt } = event.data;
      return {
        ...core,
        ...(event.data.tried && { tried: event.data.tried }),
        begun,
        undo: { scope, because, cursor: 0, agreed: false },
        attempt: 0,
        phase: 'waiting',
        reason: 'undo begun',
        until,
        lookAt,
        notBefore: 0,
      };
    }
    case 'rollout.read-back':
      return readBack(state, core, event.data);
    case 'rollout.undone-away': {
      const { scope, because, begun, cursor, n, until, lookAt } = event.data;
      return {
        ...core,
        ...(event.data.tried && { tried: event.data.tried }),
        n,
        begun,
        undo: { scope, because, cursor, agreed: false },
        attempt: 0,
        phase: 'waiting',
        reason: 'its agent went back while the server was away',
        until,
        lookAt,
        notBefore: 0,
      };
    }
    case 'rollout.settled':
      return { ...core, phase: 'settled', result: event.data.result };
  }
}

function stepDone(core: RolloutCore, data: Extract<RolloutEvent, { type: 'rollout.step-done' }>['data']): Rollout {
  const { result, until, lookAt } = data;
  const restorePoints =
    result.restorePoint === undefined ? core.restorePoints : [...core.restorePoints, result.restorePoint];
  const waiting = { phase: 'waiting', reason: 'next step', until, lookAt, notBefore: 0 } as const;
  if (core.undo !== null) {
    return {
      ...core,
      restorePoints,
      attempt: 0,
      undo: { ...core.undo, cursor: core.undo.cursor + 1, agreed: false },
      ...waiting,
    };
  }
  return { ...core, restorePoints, attempt: 0, cursor: core.cursor + 1, ...waiting };
}

function readBack(
  state: Rollout,
  core: RolloutCore,
  data: Extract<RolloutEvent, { type: 'rollout.read-back' }>['data'],
): Rollout {
  const { epoch, cursor, begun, undoCursor, until, lookAt } = data;
  const tried = data.tried && { tried: data.tried };
  if (data.stays) return { ...state, ...tried, epoch };
  const restorePoints = [...core.restorePoints, ...(data.restorePoints ?? [])];
  const further = core.undo !== null && undoCursor !== undefined && undoCursor > core.undo.cursor;
  const undo = further ? { ...core.undo, cursor: undoCursor, agreed: false } : core.undo;
  const waiting = { phase: 'waiting', reason: 'read back from the agent', until, lookAt, notBefore: 0 } as const;
  return { ...core, ...tried, epoch, cursor, begun, undo, restorePoints, attempt: 0, ...waiting };
}

/** The part of the state that every phase has; the phase's own facts fall away. */
function coreOf(state: Rollout): RolloutCore {
  const { id, promotion, cell, environment, planDigest, epoch, n, cursor, begun, attempt, undo, restorePoints } = state;
  const core = { id, promotion, cell, environment, planDigest, epoch, n, cursor, begun, attempt, undo, restorePoints };
  const { tried, closesOperations } = state;
  return { ...core, ...(tried && { tried }), ...(closesOperations && { closesOperations }) };
}
