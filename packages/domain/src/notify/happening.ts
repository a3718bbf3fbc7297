/** From an entry of the log to what people are told: most entries are no news to anybody but the audit. */
import { freezeEndText } from '../calendars/window.ts';
import type { HypercareEvent } from '../hypercare/hypercare.ts';
import type { Instant, PrincipalId } from '../model/identity.ts';
import type { ReleaseRef } from '../model/release.ts';
import type { PromotionEvent } from '../promotion/events.ts';
import type { PromotionCore } from '../promotion/state.ts';
import type { TakenBackEvent } from '../promotion/taken-back.ts';
import { isObjected } from '../protocol/agent-pins.ts';
import type { RolloutEvent } from '../rollout/events.ts';
import type { DrillEvidence } from '../vault/drill.ts';

/** What people are told of, first in the order in which it happens to a promotion that goes badly. */
export const HAPPENINGS = [
  'planned',
  'started',
  'waiting',
  'paused',
  'rolled-back',
  'finished',
  // Of the watch after a promotion, of freezes, of cells that are taken under control, and of restore drills.
  'alarmed',
  'sound',
  'frozen',
  'lifted',
  'adopted',
  'drill-failed',
] as const;
export type HappeningKind = (typeof HAPPENINGS)[number];

/** What is fixed about a promotion from its request on: facts that don't go stale, however late an entry is read. */
export interface ToldPromotion
  extends Pick<
    PromotionCore,
    'id' | 'application' | 'environment' | 'release' | 'requester' | 'authors' | 'waves' | 'cells'
  > {
  /** By wave, from the first: whom the plan moves or activates something for, as `cell/tenant`. Empty when nobody asked for it. */
  readonly tenants: readonly (readonly string[])[];
  /** What each cell's traffic is on before the promotion, where that was known. */
  readonly before: Readonly<Record<string, ReleaseRef>>;
}

/** An entry of a promotion, of one of its rollouts, of the watch after it or of what was taken back later, with what it is about. */
export type NotedPromotion = {
  /** On the log: unique, and rising. */
  readonly place: number;
  readonly at: Instant;
  readonly promotion: ToldPromotion;
  /** Of a rollout's entry. */
  readonly cell?: string;
} & Pick<PromotionEvent | RolloutEvent | HypercareEvent | TakenBackEvent, 'type' | 'data'>;

/** An entry beside all promotions: of a freeze, of a cell that was adopted, or of a restore drill. */
export interface NotedBeside {
  readonly place: number;
  readonly at: Instant;
  readonly promotion?: undefined;
  readonly type: string;
  readonly by: PrincipalId;
  readonly data: Readonly<Record<string, unknown>>;
  /** Of a cell: what was taken under control. */
  readonly adopted?: {
    readonly cell: string;
    readonly application: string;
    readonly environment: string;
    readonly version: string;
  };
}

export type Noted = NotedPromotion | NotedBeside;

export interface Happening {
  readonly kind: HappeningKind;
  readonly place: number;
  readonly at: Instant;
  /** Absent for what is beside all promotions. */
  readonly promotion?: ToldPromotion;
  /** What it is of, as messages name it, and what messages are gathered by. */
  readonly of: { readonly application: string; readonly environment: string; readonly version: string };
  readonly key: string;
  /** The environment that it is in; absent: it may be any. */
  readonly within?: string;
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
export function happeningOf(noted: NotedPromotion, wave: number): Happening | undefined {
  const { place, at, promotion, cell } = noted;
  const begun = [...new Set(promotion.tenants.slice(0, wave).flat())];
  const everybody = [...new Set(promotion.tenants.flat())];
  const { id: key, application, environment, release } = promotion;
  const of = { application, environment, version: release.version };
  const whose = { promotion, of, key, within: environment };
  const base = { place, at, ...whose, about: '', urgent: false, words: '', tenants: begun };
  const entry = noted as PromotionEvent | RolloutEvent | HypercareEvent | TakenBackEvent;
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
      // What it waits for is a person at the agent, whom nothing else would tell.
      const { reason } = entry.data;
      if (asked.length === 0)
        return isObjected(reason)
          ? { ...base, kind: 'waiting', about: 'pin', urgent: false, words: reason, tenants: [] }
          : undefined;
      const words = asked.map(({ because, unblock }) => `${because}; ${unblock}`).join('; ');
      const approval = { barred: [promotion.requester, ...promotion.authors] };
      const about = `approval-${wave + 1}`;
      return { ...base, kind: 'waiting', about, urgent: wave > 0, words, tenants: [], approval };
    }
    case 'promotion.go-asked': {
      const words = `go or no-go? ${entry.data.cell} stands before ${entry.data.step}, beyond which not everything can be taken back`;
      const approval = { barred: [promotion.requester, ...promotion.authors] };
      return {
        ...base,
        kind: 'waiting',
        about: 'go',
        urgent: true,
        words,
        cell: entry.data.cell,
        tenants: [],
        approval,
      };
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
    case 'promotion.overtaken':
      // With nothing half way nobody goes back, and its end says the rest.
      if (entry.data.scope.cells?.length === 0) return undefined;
      return { ...base, kind: 'rolled-back', urgent: true, words: entry.data.because };
    case 'undone.recorded': {
      // It had ended, so how far it had come is forgotten here: whoever was moved in this cell.
      const { cell: where, because } = entry.data;
      const tenants = everybody.filter((tenant) => tenant.startsWith(`${where}/`));
      const words = `it had ended, and was taken back in cell ${where}: ${because}`;
      return { ...base, kind: 'rolled-back', about: `late-${where}`, urgent: true, words, cell: where, tenants };
    }
    case 'promotion.kept':
      return { ...base, kind: 'finished', words: `kept by ${entry.data.by}`, result: 'kept' };
    case 'promotion.ended': {
      const { result, because } = entry.data;
      return { ...base, kind: 'finished', words: because, result, tenants: wave === 0 ? everybody : begun };
    }
    case 'hypercare.alarmed':
      return { ...base, kind: 'alarmed', urgent: true, words: entry.data.why, tenants: [] };
    case 'hypercare.ended':
      if (entry.data.result !== 'sound') return undefined;
      return { ...base, kind: 'sound', words: 'every stage of its watch has passed', tenants: [] };
    default:
      return undefined;
  }
}

/** What an entry beside all promotions means to people, or undefined. */
export function happeningBeside({ place, at, type, data, by, adopted }: NotedBeside): Happening | undefined {
  const base = { place, at, about: '', urgent: false, tenants: [] };
  if (adopted !== undefined) {
    const { cell, application, environment, version } = adopted;
    const of = { application, environment, version };
    const words = `cell ${cell}, by ${by}`;
    return {
      ...base,
      kind: 'adopted',
      key: `adopted/${environment}/${application}`,
      of,
      within: environment,
      cell,
      words,
    };
  }
  if (type === 'drill.recorded') return drillHappening(base, data as unknown as DrillEvidence);
  if (type !== 'freeze.declared' && type !== 'freeze.lifted') return undefined;
  const { scope, name, reason } = data as { scope: string; name: string; reason?: string };
  const all = scope === 'all';
  const application = scope.startsWith('application:') ? scope.slice('application:'.length) : undefined;
  const environment = all ? 'everything' : application === undefined ? scope : `all of ${application}`;
  const of = { application: application ?? '', environment, version: '' };
  const own = all || application !== undefined ? {} : { within: scope };
  const beside = { ...base, key: `freeze/${scope}`, of, ...own };
  if (type === 'freeze.lifted')
    return { ...beside, kind: 'lifted', words: `${name} is lifted by ${by}: ${reason ?? 'nobody said why'}` };
  const end = freezeEndText({ to: Number(data.to) });
  return { ...beside, kind: 'frozen', urgent: true, words: `${name}, ${end}, by ${by}: ${reason ?? ''}` };
}

/** A store that couldn't be brought back, or of which nobody knows whether it could: news, and a matter for the day. */
function drillHappening(
  base: Pick<Happening, 'place' | 'at' | 'about' | 'urgent' | 'tenants'>,
  { ok, environment, cell, store, because, missing }: DrillEvidence,
): Happening | undefined {
  if (ok) return undefined;
  const of = { application: '', environment, version: '' };
  const words = `store ${store}: ${[...because, ...missing].join('; ')}`;
  return { ...base, kind: 'drill-failed', key: `drill/${cell}/${store}`, of, within: environment, cell, words };
}
