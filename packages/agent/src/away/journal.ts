/**
 * What the agent undid by itself, as entries and their fold: who decided it and why, each step with its token and what came
 * of it, whether it was told. Pure; `journal-file.ts` keeps it.
 */
import type { Digest, Outcome, Scope, StepResult } from '@headgate/domain';

export type JournalEntry =
  | {
      readonly type: 'begun';
      readonly at: string;
      /** `rollout#k`: a rollout is gone back in once more when a wider scope is decided. */
      readonly id: string;
      readonly cell: string;
      readonly rollout: string;
      readonly promotion: string;
      readonly plan: Digest;
      readonly scope: Scope;
      readonly begun: number;
      /** A person, as they named themselves, or `agent`. */
      readonly by: string;
      readonly because: string;
      /** Since when the server was away. */
      readonly since: string;
    }
  | {
      readonly type: 'step-begun';
      readonly at: string;
      readonly id: string;
      readonly step: string;
      readonly epoch: number;
      readonly n: number;
    }
  | {
      readonly type: 'step-ended';
      readonly at: string;
      readonly id: string;
      readonly step: string;
      readonly outcome: Outcome;
    }
  /** It goes no further by itself: what it waits for is said. Asking again tries again. */
  | { readonly type: 'stopped'; readonly at: string; readonly id: string; readonly why: string }
  | { readonly type: 'finished'; readonly at: string; readonly id: string }
  | { readonly type: 'told'; readonly at: string; readonly id: string; readonly answer: string };

export interface Undoing extends Omit<Extract<JournalEntry, { type: 'begun' }>, 'type'> {
  readonly phase: 'going' | 'stopped' | 'finished';
  /** Why it stopped. */
  readonly why: string | undefined;
  readonly done: readonly { readonly id: string; readonly result: StepResult }[];
  /** The step that was begun last and has no end. */
  readonly step: string | undefined;
  readonly n: number;
  /** Tokens that were taken: none, and nothing was done that anybody must hear of. */
  readonly tokens: number;
  /** What the server said to it; undefined: it has not heard of it, or not of all. */
  readonly told: string | undefined;
}

/** By id, the oldest first. An entry of something that never began is left out. */
export function foldJournal(entries: readonly JournalEntry[]): ReadonlyMap<string, Undoing> {
  const all = new Map<string, Undoing>();
  for (const entry of entries) {
    const next = evolve(all.get(entry.id), entry);
    if (next !== undefined) all.set(entry.id, next);
  }
  return all;
}

export function evolve(undoing: Undoing | undefined, entry: JournalEntry): Undoing | undefined {
  if (entry.type === 'begun') {
    const { type: _, ...rest } = entry;
    return { ...rest, phase: 'going', why: undefined, done: [], step: undefined, n: 0, tokens: 0, told: undefined };
  }
  if (undoing === undefined) return undefined;
  switch (entry.type) {
    case 'step-begun': {
      const { step, n } = entry;
      return { ...undoing, phase: 'going', why: undefined, step, n, tokens: undoing.tokens + 1, told: undefined };
    }
    case 'step-ended': {
      const { step, outcome } = entry;
      const done = outcome.kind === 'done' ? [...undoing.done, { id: step, result: outcome.result }] : undoing.done;
      return { ...undoing, step: undefined, done };
    }
    case 'stopped':
      return { ...undoing, phase: 'stopped', why: entry.why, step: undefined };
    case 'finished':
      return { ...undoing, phase: 'finished', why: undefined, step: undefined };
    case 'told':
      return { ...undoing, told: entry.answer };
  }
}

/** What the server has yet to hear of: what had a token, since a step that failed may have had its effect. */
export function untold(all: ReadonlyMap<string, Undoing>): readonly Undoing[] {
  return [...all.values()].filter((undoing) => undoing.tokens > 0 && undoing.told === undefined);
}

/** The last that was begun in a cell. */
export function lastIn(all: ReadonlyMap<string, Undoing>, cell: string): Undoing | undefined {
  return [...all.values()].findLast((undoing) => undoing.cell === cell);
}
