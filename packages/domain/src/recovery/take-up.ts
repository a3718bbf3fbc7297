import type { Instant } from '../model/identity.ts';
import type { Plan } from '../plan/plan.ts';
import { isWhole } from '../plan/undo.ts';
import { rollBack } from '../promotion/endings.ts';
import type { PromotionEvent } from '../promotion/events.ts';
import type { Promotion } from '../promotion/state.ts';
import type { RolloutEvent } from '../rollout/events.ts';
import { ASK_MS } from '../rollout/looks.ts';
import type { Rollout } from '../rollout/state.ts';
import { noted } from '../rollout/tried.ts';
import type { ReadBack } from './judge-cell.ts';

/** The event by which a rollout learns how far it came. One that waits for a decision about a step that is still at hand goes on waiting. */
export function takeUp(
  state: Rollout,
  { cursor, begun, undoCursor, tried = [], restorePoints }: ReadBack,
  { epoch, now, until }: { readonly epoch: number; readonly now: Instant; readonly until: Instant },
): RolloutEvent {
  const further = cursor > state.cursor || begun > state.begun || (undoCursor ?? 0) > (state.undo?.cursor ?? 0);
  const stays = !further && (state.phase === 'failed' || state.phase === 'asking');
  return {
    type: 'rollout.read-back',
    data: {
      epoch,
      cursor,
      begun,
      ...(undoCursor !== undefined && { undoCursor }),
      ...noted(tried),
      ...(restorePoints.length > 0 && { restorePoints }),
      ...(stays && { stays }),
      until: state.undo === null ? until : now + ASK_MS,
      lookAt: now,
    },
  };
}

/** The decision that a cell goes back as a whole, with all others where the plan says so; undefined when that is decided already. */
export function rollBackAll(
  promotion: Promotion,
  plan: Plan,
  cell: string,
  because: string,
  by: string,
  now: Instant,
): PromotionEvent | undefined {
  const own = plan.cells.find((each) => each.cell === cell);
  if (promotion.phase === 'ended' || own === undefined) return undefined;
  const decided = promotion.undo?.scope;
  if (decided !== undefined && isWhole(own, decided, own.steps.length)) return undefined;
  const { wave } = promotion;
  // Beside another scope that was decided, only everything holds both; a ring reaches over cells.
  const all = decided !== undefined || plan.rollbackScope === 'all' || plan.rollbackScope === 'ring';
  return rollBack(now, all ? { kind: 'all', wave } : { kind: 'cell', wave, cell }, because, by);
}
