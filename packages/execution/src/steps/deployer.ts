import type { SlotObservation } from '../ports/target.ts';
import { misfitOfRelease } from './schema-fit.ts';
import { done, failed, overdue, type StepExecutor } from './step-executor.ts';

/** Brings a release up in a slot that serves nobody. Already there, with its own bytes and healthy: nothing happens. */
export const deploy: StepExecutor<'deploy'> = async ({ slot, release }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  if (serves(await ports.target.observe(slot), release.digest)) return done();
  const routed = (await ports.traffic.read()).filter((route) => route.router === slot || route.workers === slot);
  if (routed.length > 0) {
    return failed(
      'rejected',
      `slot ${slot} serves ${routed.length} tenants (${routed[0]!.tenant} …); what runs there may not be replaced`,
    );
  }
  const manifest = await ctx.manifest(release.digest);
  const misfit = await misfitOfRelease(ports, release.version, manifest.schemaRange);
  if (misfit) return failed('rejected', misfit);
  const answer = await ports.target.deploy(slot, release, manifest, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  if (!serves(answer.value, release.digest))
    return failed('check-failed', `slot ${slot} doesn't serve ${release.version} after its deploy`);
  return done();
};

function serves(seen: SlotObservation, digest: string): boolean {
  return (
    seen.phase === 'running' &&
    seen.release?.digest === digest &&
    seen.intact &&
    seen.components.every((component) => component.alive && component.healthy)
  );
}

/** Stops what runs in a slot that serves nobody any more. */
export const retire: StepExecutor<'retire'> = async ({ slot }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  if ((await ports.target.observe(slot)).phase === 'empty') return done();
  const routes = await ports.traffic.read();
  const routed = routes.filter((route) => route.router === slot || route.workers === slot);
  if (routed.length > 0)
    return failed('rejected', `slot ${slot} still serves ${routed.length} tenants (${routed[0]!.tenant} …)`);
  const answer = await ports.target.retire(slot, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  ctx.log(`slot ${slot}: empty`);
  return done();
};
