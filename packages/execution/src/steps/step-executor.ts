import type { Action, ActionKind, FailureCode, Outcome, StepResult } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';
import type { StepContext } from '../ports/step-context.ts';

/** The action of one kind. */
export type ActionOf<K extends ActionKind> = Extract<Action, { readonly kind: K }>;

/** Carries out one kind of action. May be called again after having been killed anywhere in it. */
export type StepExecutor<K extends ActionKind> = (
  action: ActionOf<K>,
  ctx: StepContext,
  ports: Ports,
) => Promise<Outcome>;

/** The effect was read back at its target, now. */
export function done(result: StepResult = {}): Outcome {
  return { kind: 'done', result: { observedAt: Date.now(), ...result } };
}

export function failed(code: FailureCode, why: string, result?: StepResult): Outcome {
  return { kind: 'failed', code, why: why.slice(0, 500), ...(result ? { result } : {}) };
}

/** Why nothing may be done any more, if so. Asked before each effect. */
export function overdue(ctx: StepContext): Outcome | undefined {
  if (ctx.remainingMs() <= 0) return failed('expired', 'the time for this step has run out');
  if (ctx.signal.aborted) return failed('expired', 'the assignment was taken back');
  return undefined;
}

/** Waits, but not beyond the end of the assignment. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
