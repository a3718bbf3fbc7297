import type { PolicySpec } from '../model/specs.ts';
import type { Action, ActionKind, Step, Undo } from './plan.ts';

/** What a step has beside its action and its undo. */
export interface StepMore {
  readonly needs?: readonly string[];
  /** On top of the policy's timeout. Milliseconds. */
  readonly extraMs?: number;
  /** Whom it is about alone. */
  readonly of?: readonly string[];
}

/** Appends a step and returns its id. */
export type MakeStep = (wave: number, name: string, action: Action, undo: Undo, more?: StepMore) => string;

/** Makes the steps of one cell, with the policy's timeouts and attempts. */
export function stepMaker(policy: PolicySpec, steps: Step[]): MakeStep {
  return (wave, name, action, undo, { needs = [], extraMs = 0, of } = {}) => {
    const id = `w${wave}.${name}`;
    const timeoutMs = timeoutOf(policy, action.kind) + extraMs;
    const step = { id, wave, action, needs, undo, timeoutMs, attempts: policy.attempts };
    steps.push(of === undefined ? step : { ...step, of });
    return id;
  };
}

/** An undo that acts. */
export function does(policy: PolicySpec, action: Action): Extract<Undo, { kind: 'act' }> {
  return { kind: 'act', action, timeoutMs: timeoutOf(policy, action.kind), attempts: policy.attempts };
}

/** An undo that leaves what was done, and why. */
export function keep(because: string): Undo {
  return { kind: 'keep', because };
}

/** How long one attempt of an action may take. Milliseconds. */
export function timeoutOf(policy: PolicySpec, kind: ActionKind): number {
  return policy.timeoutsMs[kind] ?? policy.defaultTimeoutMs;
}
