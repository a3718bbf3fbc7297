import type { CheckSummary } from '@headgate/domain';
import type { Ports } from '../ports/ports.ts';
import type { StepContext } from '../ports/step-context.ts';
import { checkRound } from './check-round.ts';
import { done, failed, overdue, pause, type StepExecutor } from './step-executor.ts';

const HEALTH_EVERY_MS = 250;
/**
 * Business transactions are work for the customers' system too, and in a soak nobody waits for them: they take no more than
 * a quarter of a tenant's time. The rest lies between the requests, since one behind a round leaves the round itself a burst. A round that outlasts the soak ends as the
 * document's own pace has it: it mustn't meet the step's deadline for having been leisurely.
 */
const BUSY_AT_MOST_PERCENT = 25;
/** Between two rounds lies at least so long. */
const BETWEEN_ROUNDS_MS = 500;

/** Watches a slot under its customers' work: health all the time, business transactions again and again. The first bad sample ends it. */
export const soak: StepExecutor<'soak'> = async ({ tenants, verification, slot, durationMs }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const document = await ctx.document(verification.digest);
  const over = new AbortController();
  const watched: StepContext = { ...ctx, signal: AbortSignal.any([ctx.signal, over.signal]) };
  const until = performance.now() + durationMs;
  const health = watchHealth(ports, slot, tenants[0] ?? '', until, watched.signal);
  const business = repeatChecks(ports, document, tenants, slot, until, watched);
  const bad = (summary: CheckSummary): boolean => summary.failed > 0;
  const first = await new Promise<CheckSummary[]>((resolve, reject) => {
    for (const each of [health, business]) each.then((summary) => bad(summary) && resolve([summary]), reject);
    Promise.all([health, business]).then(resolve, reject);
  }).finally(() => over.abort());

  const failure = first.find(bad);
  if (failure?.firstFailure) {
    const { tenant, check, why } = failure.firstFailure;
    return failed('check-failed', `${tenant}: ${check}: ${why}`, { checks: failure });
  }
  const since = overdue(ctx);
  if (since) return since;
  const passed = first.reduce((sum, each) => sum + each.passed, 0);
  ctx.log(`soaked ${durationMs} ms on slot ${slot}: ${passed} checks passed`);
  return done({ checks: { passed, failed: 0 } });
};

async function watchHealth(
  ports: Ports,
  slot: string,
  tenant: string,
  until: number,
  signal: AbortSignal,
): Promise<CheckSummary> {
  for (let passed = 0; ; passed++) {
    const why = await ports.target.ailment(slot);
    const at = Date.now();
    if (why) return { passed, failed: 1, firstFailure: { check: 'health', tenant, why, since: at, at } };
    if (signal.aborted || performance.now() >= until) return { passed: passed + 1, failed: 0 };
    await pause(Math.min(HEALTH_EVERY_MS, Math.max(1, until - performance.now())), signal);
  }
}

async function repeatChecks(
  ports: Ports,
  document: unknown,
  tenants: readonly string[],
  slot: string,
  until: number,
  ctx: StepContext,
): Promise<CheckSummary> {
  const pace = { busyAtMostPercent: () => (performance.now() < until ? BUSY_AT_MOST_PERCENT : 100) };
  for (let passed = 0; ; ) {
    const round = await checkRound(ports.checks, document, tenants, slot, ctx, pace);
    passed += round.passed;
    if (round.failed > 0) return { ...round, passed };
    if (ctx.signal.aborted || performance.now() >= until) return { passed, failed: 0 };
    await pause(Math.min(BETWEEN_ROUNDS_MS, Math.max(1, until - performance.now())), ctx.signal);
    if (performance.now() >= until) return { passed, failed: 0 };
  }
}
