import type { CheckSummary } from '@headgate/domain';
import type { CheckContext, CheckResult, Checks } from '../ports/checks.ts';
import type { StepContext } from '../ports/step-context.ts';

/** Tenants that are checked at the same time. Their customers are working meanwhile. */
const AT_ONCE = 32;

/**
 * Runs all tenants' business transactions at once and comes back with the first that fails, without waiting for the
 * others; those are told to end. `pace` is of each tenant's time.
 */
export async function checkRound(
  checks: Checks,
  verification: unknown,
  tenants: readonly string[],
  slot: string,
  ctx: StepContext,
  pace: Pick<CheckContext, 'busyAtMostPercent'> = {},
): Promise<CheckSummary> {
  const over = new AbortController();
  const signal = AbortSignal.any([ctx.signal, over.signal]);
  const waiting = [...tenants];
  let passed = 0;
  const worker = async (): Promise<CheckSummary | undefined> => {
    for (let tenant = waiting.shift(); tenant !== undefined; tenant = waiting.shift()) {
      if (signal.aborted) return undefined;
      const { idempotencyKey, fence } = ctx;
      const result = await checks.run(verification, tenant, slot, { signal, idempotencyKey, fence, ...pace });
      // Whoever was told to end, here or from outside, has judged nothing: a check that was cut short didn't fail.
      if (signal.aborted) return undefined;
      passed += result.passed;
      if (!result.ok) return { passed, failed: 1, firstFailure: failureOf(tenant, result) };
    }
    return undefined;
  };
  const workers = Array.from({ length: Math.min(AT_ONCE, tenants.length) }, worker);
  // The first to end with a failure, or a fault, ends the round.
  const first = await new Promise<CheckSummary | undefined>((resolve, reject) => {
    for (const each of workers) each.then((summary) => summary && resolve(summary), reject);
    Promise.all(workers).then(() => resolve(undefined), reject);
  }).finally(() => over.abort());
  return first ?? { passed, failed: 0 };
}

function failureOf(
  tenant: string,
  result: Extract<CheckResult, { ok: false }>,
): NonNullable<CheckSummary['firstFailure']> {
  const { check, why, at, since } = result;
  return { check, tenant, why: why.slice(0, 500), ...(since !== undefined && { since }), at };
}
