import type { PromotionEvent } from './events.ts';
import type { Promotion, PromotionCore } from './state.ts';

/** Folds one event into a promotion's state. */
export function evolvePromotion(state: Promotion | undefined, event: PromotionEvent): Promotion {
  if (event.type === 'promotion.requested') {
    const { plan, ...rest } = event.data;
    const core: PromotionCore = { ...rest, planDigest: plan, wave: 0, approvals: [], undo: null };
    return { ...core, phase: 'awaiting', reason: 'requested', verdicts: [], until: rest.latestFinish };
  }
  if (state === undefined) throw new Error(`the first event of a promotion is promotion.requested, not ${event.type}`);
  const core = coreOf(state);
  switch (event.type) {
    case 'promotion.waiting':
      return { ...core, phase: 'awaiting', ...event.data };
    case 'promotion.approved':
      return { ...state, approvals: [...state.approvals, event.data] };
    case 'promotion.go-asked':
      return { ...state, goAsked: event.data };
    case 'promotion.go':
      return { ...state, go: event.data };
    case 'promotion.wave-opened':
      return { ...core, wave: event.data.wave, phase: 'advancing', until: event.data.until };
    case 'promotion.paused':
      return { ...core, phase: 'paused', ...event.data };
    case 'promotion.resumed':
      return { ...core, phase: 'advancing', until: event.data.until };
    case 'promotion.rollback-decided': {
      const { scope, because, at, until } = event.data;
      return { ...core, undo: { scope, because, at }, phase: 'undoing', until };
    }
    case 'promotion.overtaken': {
      const { scope, because, at, until, hotfix } = event.data;
      return { ...core, overtakenBy: hotfix, undo: { scope, because, at }, phase: 'undoing', until };
    }
    case 'promotion.held':
      return { ...core, phase: 'held', ...event.data };
    case 'promotion.kept':
      return {
        ...core,
        phase: 'ended',
        result: core.undo === null ? 'expired' : 'partly-rolled-back',
        because:
          core.undo === null ? 'its latest finish passed; what it had done is kept' : 'the rest of the release is kept',
        at: event.data.at,
      };
    case 'promotion.ended':
      return { ...core, phase: 'ended', ...event.data };
  }
}

function coreOf(state: Promotion): PromotionCore {
  const {
    id,
    application,
    environment,
    release,
    planDigest,
    envelope,
    requester,
    authors,
    cells,
    waves,
    latestFinish,
    only,
    trace,
    overtakes,
    overtakenBy,
    gatedAtNoReturn,
    closesOperations,
    wave,
    approvals,
    go,
    goAsked,
    undo,
  } = state;
  return {
    id,
    application,
    environment,
    release,
    planDigest,
    envelope,
    requester,
    authors,
    cells,
    waves,
    latestFinish,
    wave,
    approvals,
    undo,
    ...(goAsked !== undefined && { goAsked }),
    ...(go !== undefined && { go }),
    ...(only !== undefined && { only }),
    ...(trace !== undefined && { trace }),
    ...(overtakes !== undefined && { overtakes }),
    ...(overtakenBy !== undefined && { overtakenBy }),
    ...(gatedAtNoReturn !== undefined && { gatedAtNoReturn }),
    ...(closesOperations !== undefined && { closesOperations }),
  };
}
