import { checkRound } from './check-round.ts';
import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/** Makes each tenant's business transactions on the slot, once. The first that fails decides. */
export const verify: StepExecutor<'verify'> = async ({ tenants, verification, slot }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const checks = await checkRound(ports.checks, await ctx.document(verification.digest), tenants, slot, ctx);
  if (checks.firstFailure) {
    const { tenant, check, why } = checks.firstFailure;
    return failed('check-failed', `${tenant}: ${check}: ${why}`, { checks });
  }
  const since = overdue(ctx);
  if (since) return since;
  ctx.log(`${checks.passed} checks of ${tenants.length} tenants passed on slot ${slot}`);
  return done({ checks });
};
