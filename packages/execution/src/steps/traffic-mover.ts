import type { TenantRoute } from '../ports/traffic.ts';
import { misfitOfTenants } from './schema-fit.ts';
import { done, failed, overdue, pause, type StepExecutor } from './step-executor.ts';

const LOOK_EVERY_MS = 20;

/**
 * Moves tenants to a slot: workers' tables and router, then waits until their requests have ended elsewhere, then reads
 * both back. The time that it reports is when all new work went to the slot; draining comes after.
 */
export const route: StepExecutor<'route'> = async ({ tenants, slot }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  // Asked together, since customers may be waiting for a slot that works.
  const [before, ailment] = await Promise.all([ports.traffic.read(), ports.target.ailment(slot)]);
  if (ailment && !onSlot(before, tenants, slot).all)
    return failed('transient', `no tenant is moved to a slot that can't serve: ${ailment}`);
  // Held ones are judged when they are opened: what they come to may still be on its way.
  const served = before.filter((each) => tenants.includes(each.tenant) && !each.held && each.router !== slot);
  const misfit = await misfitOfTenants(ports, served, slot);
  if (misfit) return failed('rejected', misfit);
  // Also when all is there already: the fence goes up, so that a forgotten decision can't move them away.
  const answer = await ports.traffic.route(tenants, slot, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  const moved = onSlot(await ports.traffic.read(), tenants, slot);
  if (!moved.all) return failed('transient', `${moved.missing} isn't on slot ${slot} when read back`);
  const observedAt = Date.now();
  ctx.log(`${tenants.length} tenants on slot ${slot}`);

  for (let running = await ports.traffic.inFlightElsewhere(tenants, slot); running > 0; ) {
    if (overdue(ctx))
      return failed('transient', `${running} requests of these tenants still run in other slots`, { observedAt });
    await pause(LOOK_EVERY_MS, ctx.signal);
    running = await ports.traffic.inFlightElsewhere(tenants, slot);
  }
  const still = onSlot(await ports.traffic.read(), tenants, slot);
  if (!still.all) return failed('unknown', `${still.missing} left slot ${slot} again while its requests drained`);
  return done({ routed: tenants.length, observedAt });
};

function onSlot(
  routes: readonly TenantRoute[],
  tenants: readonly string[],
  slot: string,
): { all: boolean; missing: string | undefined } {
  const there = new Set(
    routes
      .filter((each) => each.router === slot && (each.workers === slot || (each.held && each.workers === undefined)))
      .map((each) => each.tenant),
  );
  const missing = tenants.find((tenant) => !there.has(tenant));
  return { all: missing === undefined, missing };
}
