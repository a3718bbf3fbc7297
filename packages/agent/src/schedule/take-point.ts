import { SCHEDULED } from '@headgate/domain';
import type { Cell } from '../cells/cell.ts';
import type { Logger } from '../log.ts';

/** For one restore point. Milliseconds. */
const POINT_MS = 6 * 60 * 60_000;

/**
 * Takes a restore point of a store as a promotion's step does: taken, read back, sealed in the vault, what no rule keeps removed
 * there. Why it couldn't, in words; `undefined`: it is there.
 */
export async function takePoint(
  cell: Cell,
  store: string,
  epoch: number,
  signal: AbortSignal,
  log: Logger,
): Promise<string | undefined> {
  const until = performance.now() + POINT_MS;
  // Each is one of its own: a second one within minutes isn't the first one tried again.
  const step = `at-${new Date().toISOString()}`;
  const nothing = (): Promise<never> => Promise.reject(new Error('a restore point by schedule asks for no bytes'));
  const outcome = await cell.carryOut(
    { kind: 'restore-point', store },
    {
      cell: cell.name,
      environment: cell.environment,
      application: cell.application,
      rollout: SCHEDULED,
      step,
      fence: { epoch, n: 0 },
      idempotencyKey: `${SCHEDULED}/${step}`,
      remainingMs: () => (signal.aborted ? 0 : until - performance.now()),
      signal,
      manifest: nothing,
      blob: nothing,
      document: nothing,
      log: (event) => log.info(event),
    },
  );
  if (outcome.kind === 'done') return undefined;
  return outcome.kind === 'failed' ? outcome.why : outcome.reason;
}
