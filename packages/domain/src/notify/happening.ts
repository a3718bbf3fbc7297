/** From an entry of the log to what people are told: most entries are no news to anybody but the audit. */
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { PromotionEvent } from '../promotion/events.ts';
import type { PromotionCore } from '../promotion/state.ts';
import type { RolloutEvent } from '../rollout/events.ts';

/** What people are told of, in the order in which it happens to a promotion that goes badly. */
export const HAPPENINGS = ['planned', 'started', 'waiting', 'paused', 'rolled-back', 'finished'] as const;
export type HappeningKind = (typeof HAPPENINGS)[number];

/** What is fixed about a promotion from its request on: facts that don't go stale, however late an entry is read. */
export interface ToldPromotion
  extends Pick<
    PromotionCore,
    'id' | 'application' | 'environment' | 'release' | 'requester' | 'authors' | 'waves' | 'cells'
  > {
  /** By wave, from the first: whom the plan moves, as `cell/tenant`. Empty when nobody asked for it. */
  readonly tenants: readonly (readonly string[])[];
  /** What each cell's traffic is on before the promotion, where that was known. */
  readonly before: Readonly<Record<string, ReleaseRef>>;
}

/** An entry of a promotion, or of one of its rollouts, with what it is about. */
export type Noted = {
  /** On the log: unique, and rising. */
  readonly place: number;
  readonly at: Instant;
  readonly promotion: ToldPromotion;
  /** Of a rollout's entry. */
  readonly cell?: string;
} & Pick<PromotionEvent | RolloutEvent, 'type' | 'data'>;

export interface Happening {
  readonly kind: HappeningKind;
  readonly place: number;
  readonly at: Instant;
  readonly promotion: ToldPromotion;
  /** Tells apart what is news of the same kind: a wave, an approval, a question. */
  readonly about: string;
  /** It can't wait for the morning. */
  readonly urgent: boolean;
  /** What is said of it inside: reasons, questions, results. Never for customers. */
  readonly words: string;
  readonly cell?: string;
  readonly wave?: number;
  /** It is the approvers that something waits for; these can't give it. */
  readonly approval?: { readonly barred: readonly PrincipalId[] };
  /** Whose tenants it concerns, as `cell/tenant`. */
  readonly tenants: readonly string[];
  /** How it ended, of `finished` alone. */
  readonly result?: string;
}

/**
 * What an entry means to people, or undefined. `wave` is the last wave that was opened before it: what happens in the
 * middle of a rollout is urgent, and concerns only those whose wave has begun.
 */
export function happeningOf(noted: Noted, wave: number): Happening | undefined {
  const { place, at, promotion, cell } = noted;
  const begun = [...new Set(promotion.tenants.slice(0, wave).flat())];
  const everybody = [...new Set(promotion.tenants.flat())];
  const base = { place, at, promotion, about: '', urgent: false, words: '', tenants: begun };
  const entry = noted as PromotionEvent | RolloutEvent;
  switch (entry.type) {
    case 'promotion.requested':
      return { ...base, kind: 'planned', words: `requested by ${entry.data.requester}`, tenants: everybody };
    case 'promotion.wave-opened': {
      const { wave: opened } = entry.data;
      const tenants = promotion.tenants[opened - 1] ?? [];
      const words = `wave ${opened} of ${promotion.waves} begins`;
      return { ...base, kind: 'started', about: `wave-${opened}`, wave: opened, words, tenants };
    }
    case 'promotion.waiting': {
      const asked = entry.data.verdicts.filter(({ gate, verdict }) => gate === 'approval' && verdict === 'pending');
      if (asked.length === 0) return undefined;
      const words = asked.map(({ because, unblock }) => `${because}; ${unblock}`).join('; ');
      const approval = { barred: [promotion.requester, ...promotion.authors] };
      const about = `approval-${wave + 1}`;
      return { ...base, kind: 'waiting', about, urgent: wave > 0, words, tenants: [], approval };
    }
    case 'promotion.held':
      return { ...base, kind: 'waiting', about: 'held', urgent: true, words: entry.data.question, tenants: [] };
    case 'rollout.asked': {
      const where = cell === undefined ? {} : { cell };
      const words = `step ${entry.data.step}: ${entry.data.question}`;
      return { ...base, ...where, kind: 'waiting', about: 'asked', urgent: true, words, tenants: [] };
    }
    case 'promotion.paused':
      return { ...base, kind: 'paused', words: `${entry.data.reason} (${entry.data.by})` };
    case 'promotion.rollback-decided':
      return { ...base, kind: 'rolled-back', urgent: true, words: entry.data.because };
    case 'promotion.kept':
      return { ...base, kind: 'finished', words: `kept by ${entry.data.by}`, result: 'kept' };
    case 'promotion.ended': {
      const { result, because } = entry.data;
      return { ...base, kind: 'finished', words: because, result, tenants: wave === 0 ? everybody : begun };
    }
    default:
      return undefined;
  }
}
