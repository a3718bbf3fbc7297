/** How promotions turn back and end, and how long they wait for people. */
import type { Instant, PrincipalId } from '../model/identity.ts';
import { cut } from '../model/text.ts';
import type { Scope } from '../plan/undo.ts';
import type { PromotionEvent } from './events.ts';
import type { PromotionResult } from './state.ts';

/** How long a pause or a held question lasts before the plan's rollback answers it. Milliseconds. */
export const HOLD_MS = 86_400_000;
/** How long an undo may take before `status` calls it overdue; it is never given up. Milliseconds. */
export const UNDO_MS = 3_600_000;

/** The decision to go back. */
export function rollBack(now: Instant, scope: Scope, because: string, by: PrincipalId): PromotionEvent {
  return {
    type: 'promotion.rollback-decided',
    data: { scope, because: cut(because, 1000), by, at: now, until: now + UNDO_MS },
  };
}

/** The end. */
export function ended(result: PromotionResult, because: string, at: Instant): PromotionEvent {
  return { type: 'promotion.ended', data: { result, because, at } };
}
