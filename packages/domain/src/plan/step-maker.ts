import type { PolicySpec } from '../model/specs.ts';
import type { Action, ActionKind, Step, Undo } from './plan.ts';

/** Appends a step and returns its id; `extraMs` comes on top of the policy's timeout. */
export type MakeStep = (
  wave: number,
  name: string,
  action: Action,
  undo: Undo,
  needs?: readonly string[],
  extraMs?: number,
) => string;

/** Makes the steps of one cell, with the policy's timeouts and attempts. */
export function stepMaker(policy: PolicySpec, steps: Step[]): MakeStep {
  return (wave, name, action, undo, needs = [], extraMs = 0) => {
    const id = `w${wave}.${name}`;
    const timeoutMs = timeoutOf(policy, action.kind) + extraMs;
    steps.push({ id, wave, action, needs, undo, timeoutMs, attempts: policy.attempts });
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
