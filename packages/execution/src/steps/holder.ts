import type { TenantRoute } from '../ports/traffic.ts';
import { misfitOfTenants } from './schema-fit.ts';
import { done, failed, overdue, pause, type StepExecutor } from './step-executor.ts';

const LOOK_EVERY_MS = 20;

/**
 * Takes no new work of tenants, waits until their last request (the last one that may write, where readers are served)
 * has ended, and reads back that they are held.
 */
export const hold: StepExecutor<'hold'> = async ({ tenants, reads }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const { traffic } = ports;
  const answer = await traffic.hold(tenants, ctx, reads === true);
  if (!answer.ok) return failed(answer.code, answer.why);
  const inFlight = () => (reads ? traffic.writesInFlight(tenants) : traffic.inFlightElsewhere(tenants));
  for (let running = await inFlight(); running > 0; ) {
    if (overdue(ctx)) return failed('transient', `${running} requests of these tenants still run`);
    await pause(LOOK_EVERY_MS, ctx.signal);
    running = await inFlight();
  }
  // One who is held as a whole is held for writes, too.
  const isHeld = (each: TenantRoute) => each.held && each.workers === undefined && (reads === true || !each.reads);
  const missing = without(await traffic.read(), tenants, isHeld);
  if (missing !== undefined) return failed('transient', `${missing} isn't held when read back`);
  ctx.log(`${many(tenants)} held${reads ? ' for writes' : ''}`);
  return done({ routed: tenants.length });
};

/** Takes the work of tenants again, if what serves them runs on their stores. */
export const open: StepExecutor<'open'> = async ({ tenants }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const own = (await ports.traffic.read()).filter((each) => tenants.includes(each.tenant));
  for (const slot of new Set(own.filter((each) => each.held).map((each) => each.router))) {
    if (slot === undefined) return failed('rejected', 'a tenant that is routed nowhere can’t be opened');
    const coming = own.filter((each) => each.held && each.router === slot);
    const misfit = (await misfitOfTenants(ports, coming, slot)) ?? (await ports.target.ailment(slot));
    if (misfit) return failed('rejected', `no tenant is opened on a slot that can't serve: ${misfit}`);
  }
  const answer = await ports.traffic.open(tenants, ctx);
  if (!answer.ok) return failed(answer.code, answer.why);
  const served = (each: TenantRoute) => !each.held && each.router !== undefined && each.router === each.workers;
  const missing = without(await ports.traffic.read(), tenants, served);
  if (missing !== undefined) return failed('transient', `${missing} isn't served when read back`);
  ctx.log(`${many(tenants)} opened`);
  return done({ routed: tenants.length });
};

/** The first of the tenants that isn't as it should be. */
function without(
  routes: readonly TenantRoute[],
  tenants: readonly string[],
  isRight: (each: TenantRoute) => boolean,
): string | undefined {
  const right = new Set(routes.filter(isRight).map((each) => each.tenant));
  return tenants.find((tenant) => !right.has(tenant));
}

const many = ({ length }: readonly string[]): string => `${length} ${length === 1 ? 'tenant' : 'tenants'}`;
