import { serves } from '../ports/target.ts';
import type { Traffic } from '../ports/traffic.ts';
import { misfitOfRelease } from './schema-fit.ts';
import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/** Brings a release up in a slot that serves nobody. Already there, with its own bytes and healthy: nothing is replaced. */
export const deploy: StepExecutor<'deploy'> = async ({ slot, release }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const manifest = await ctx.manifest(release.digest);
  if (!serves(await ports.target.observe(slot), release)) {
    const routed = await tenantsOn(slot, ports.traffic);
    if (routed.length > 0) {
      return failed('rejected', `slot ${slot} serves ${say(routed)}; what runs there may not be replaced`);
    }
    const misfit = await misfitOfRelease(ports, release.version, manifest.schemaRange);
    if (misfit) return failed('rejected', misfit);
  }
  const answer = await ports.target.deploy(slot, release, manifest, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  if (!serves(answer.value, release)) {
    return failed('check-failed', `slot ${slot} doesn't serve ${release.version} after its deploy`);
  }
  return done();
};

/** Stops what runs in a slot that serves nobody any more. */
export const retire: StepExecutor<'retire'> = async ({ slot }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const routed = await tenantsOn(slot, ports.traffic);
  if (routed.length > 0) return failed('rejected', `slot ${slot} still serves ${say(routed)}`);
  const answer = await ports.target.retire(slot, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  // What was closed there was closed for the code that is gone: the next one finds its slot open.
  for (const { operation, tenants, slot: where } of await ports.operations.closed()) {
    if (where !== slot) continue;
    const opened = await ports.operations.reopen(tenants, [operation], ctx, slot);
    if (!opened.ok) return failed(opened.code, opened.why);
  }
  ctx.log(`slot ${slot}: empty`);
  return done();
};

async function tenantsOn(slot: string, traffic: Traffic): Promise<readonly string[]> {
  const routes = await traffic.read();
  return routes.filter((route) => route.router === slot || route.workers === slot).map((route) => route.tenant);
}

function say(tenants: readonly string[]): string {
  return tenants.length === 1 ? `the tenant ${tenants[0]}` : `${tenants.length} tenants (${tenants[0]} …)`;
}
