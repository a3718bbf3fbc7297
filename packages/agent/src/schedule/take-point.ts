import { type RestorePoint, SCHEDULED } from '@headgate/domain';
import type { Cell } from '../cells/cell.ts';

/** For one restore point. Milliseconds. */
const POINT_MS = 6 * 60 * 60_000;

/**
 * Takes a restore point of a store as a promotion's step does: taken, read back, sealed in the vault, what no rule keeps removed
 * there. `tell` hears each of that, in words.
 */
export async function takePoint(
  cell: Cell,
  store: string,
  epoch: number,
  signal: AbortSignal,
  tell: (event: string) => void,
): Promise<{ readonly ok: true; readonly point: RestorePoint } | { readonly ok: false; readonly why: string }> {
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
      log: tell,
    },
  );
  if (outcome.kind === 'waiting') return { ok: false, why: outcome.reason };
  if (outcome.kind === 'failed') return { ok: false, why: outcome.why };
  const { restorePoint } = outcome.result;
  return restorePoint === undefined ? { ok: false, why: 'none was taken' } : { ok: true, point: restorePoint };
}
