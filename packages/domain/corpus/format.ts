/**
 * The corpus: states as they were stored, with the events that led there and the facts that were judged. In-flight
 * promotions live for weeks and are stored state, so whatever a version once stored, every later one must go on with.
 * A folder holds what one version stored and is never written again; today's code is tried on all of them.
 */
import type {
  GateFacts,
  HypercareEvent,
  HypercareFacts,
  Plan,
  PromotionEvent,
  PromotionFacts,
  RolloutEvent,
  RolloutFacts,
} from '@headgate/domain';
import type { HistoryEntry, World } from '@headgate/testkit/domain/world';
import type { HypercareStep } from './journeys.ts';

/** One journey as a file: plain JSON. */
export interface CorpusFile {
  readonly v: 1;
  readonly journey: string;
  readonly plan?: Plan;
  /** What gates judged; the steps' facts name one by its place. */
  readonly gates: readonly GateFacts[];
  readonly streams: readonly CorpusStream[];
}

export interface CorpusStream {
  readonly stream: string;
  readonly machine: 'promotion' | 'rollout' | 'hypercare';
  readonly steps: readonly CorpusStep[];
}

/** An event, the state that it led to, and the facts with which the machine looked at that state next. */
export interface CorpusStep {
  readonly event: PromotionEvent | RolloutEvent | HypercareEvent;
  readonly state: unknown;
  readonly facts: unknown;
}

/** Facts whose gates stand in the file's list. */
interface Listed {
  readonly gates: number;
}

type Json<T> = T extends ReadonlyMap<infer K, infer V> ? readonly (readonly [K, Json<V>])[] : T;
/** Facts as JSON: maps as lists of pairs. The plan stands once in the file. */
export type StoredPromotionFacts = Listed & {
  readonly [K in Exclude<keyof PromotionFacts, 'plan' | 'gates'>]: Json<PromotionFacts[K]>;
};
export type StoredRolloutFacts = Listed & Omit<RolloutFacts, 'plan' | 'cell' | 'gates'>;
export type StoredHypercareFacts = { readonly [K in keyof HypercareFacts]: Json<HypercareFacts[K]> };

/** A world's history as a corpus file. */
export function fileOfWorld(journey: string, world: World): CorpusFile {
  const gates = new Map<string, GateFacts>();
  const listed = (facts: HistoryEntry['facts']): unknown => {
    const key = JSON.stringify(facts.gates);
    gates.set(key, facts.gates);
    return { ...facts, gates: [...gates.keys()].indexOf(key) };
  };
  const names = [...new Set(world.history.map((h) => h.stream))];
  const streams = names.map((stream): CorpusStream => {
    const entries = world.history.filter((h) => h.stream === stream);
    const steps = entries.map(({ event, state, facts }) => ({ event, state, facts: listed(facts) }));
    return { stream, machine: stream.startsWith('promotion/') ? 'promotion' : 'rollout', steps };
  });
  return { v: 1, journey, plan: world.plan, gates: [...gates.values()], streams };
}

/** A watch as a corpus file. */
export function fileOfWatch(journey: string, watch: readonly HypercareStep[]): CorpusFile {
  const steps = watch.map(({ event, state, facts }) => ({
    event,
    state,
    facts: { ...facts, observed: [...facts.observed] },
  }));
  return { v: 1, journey, gates: [], streams: [{ stream: 'hypercare/production', machine: 'hypercare', steps }] };
}
