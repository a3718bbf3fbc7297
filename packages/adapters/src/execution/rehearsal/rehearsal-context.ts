import { randomUUID } from 'node:crypto';
import type { StepContext } from '@headgate/execution';

/** How long something may take, and who may end it. Milliseconds. */
export interface Bounds {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** What is done to a copy is done by what carries out a promotion's steps; here it is a step of nobody's. */
export function rehearsalContext(
  step: string,
  { deadlineMs, signal }: Bounds,
  more: Partial<Pick<StepContext, 'release' | 'manifest' | 'blob' | 'fence' | 'took' | 'log'>> = {},
): StepContext {
  const until = performance.now() + deadlineMs;
  const rollout = `rehearsal-${randomUUID()}`;
  const nothing = (): Promise<never> => Promise.reject(new Error(`nobody gives a rehearsal’s ${step} any bytes`));
  return {
    cell: 'rehearsal',
    environment: 'rehearsal',
    application: 'rehearsal',
    rollout,
    step,
    fence: { epoch: 1, n: 1 },
    idempotencyKey: `${rollout}/${step}`,
    remainingMs: () => until - performance.now(),
    signal,
    manifest: nothing,
    blob: nothing,
    document: nothing,
    log: () => {},
    ...more,
  };
}
