import type { Outcome } from '@headgate/domain';
import type { Operation } from '@headgate/domain/model/operation';
import type { ClosedNow } from '../ports/operations.ts';
import type { Ports } from '../ports/ports.ts';
import type { StepContext } from '../ports/step-context.ts';
import { done, failed, overdue, pause, type StepExecutor } from './step-executor.ts';

const LOOK_EVERY_MS = 20;
/** What is closed while a migration runs stays so for a moment beyond its time, in which its last statement is given up. */
const BEYOND_MS = 30_000;
/**
 * While a migration runs its lease is renewed every minute, and is never longer than this: an agent that died opens them so much later
 * at most. Until then it is back, and closes them anew before it does anything, or what it left running has ended. Milliseconds.
 */
const LEASE_MS = 300_000;
const RENEW_EVERY_MS = 60_000;
/** How long after a migration has run its operations wait for the step that opens them, before they open by themselves. */
const HANDED_ON_MS = 60_000;

/** Takes no new requests of operations, waits until their last one has ended, and reads back that they are closed. */
export const closeOperations: StepExecutor<'close-operations'> = async (action, ctx, ports) => {
  const { tenants, operations, slot, forMs } = action;
  const late = overdue(ctx);
  if (late) return late;
  // Leased, they stay closed while what runs is waited for, and from then on for as long as the plan says.
  const draining = forMs === undefined ? undefined : Math.max(forMs, ctx.remainingMs() + BEYOND_MS);
  const closed = await closeAndDrain(ports, tenants, operations, ctx, { slot, forMs: draining });
  if (closed !== undefined) return closed;
  if (forMs !== undefined) {
    const answer = await ports.operations.close(tenants, operations, ctx, { slot, forMs });
    if (!answer.ok) return failed(answer.code, answer.why);
  }
  const names = operations.map(({ name }) => name);
  const missing = await without(ports, tenants, names, slot, true);
  if (missing !== undefined) return failed('transient', `${missing} isn’t closed when read back`);
  ctx.log(`${names.join(', ')} closed for ${tenants.length} tenants`);
  return done({ routed: tenants.length });
};

/** Takes requests of operations again. */
export const openOperations: StepExecutor<'open-operations'> = async ({ tenants, operations, slot }, ctx, ports) => {
  const late = overdue(ctx);
  if (late) return late;
  const answer = await ports.operations.reopen(tenants, operations, ctx, slot);
  if (!answer.ok) return failed(answer.code, answer.why);
  const missing = await without(ports, tenants, operations, slot, false);
  if (missing !== undefined) return failed('transient', `${missing} is still closed when read back`);
  ctx.log(`${operations.join(', ')} open for ${tenants.length} tenants`);
  return done({ routed: tenants.length });
};

/**
 * Carries out what changes a store while these operations of everybody in it are closed. They were closed before, by a step of their
 * own; here that is renewed for as long as this attempt takes, so that nothing of them runs meanwhile, however late it begins. When it
 * ended well they open with the next step, or by themselves soon; when it failed, at once. What became of it isn't known, or the
 * server is away: by themselves, once its last statement was given up.
 */
export function whileClosed<A extends { readonly store: string; readonly closes?: readonly Operation[] }>(
  work: (action: A, ctx: StepContext, ports: Ports) => ReturnType<StepExecutor<'migrate'>>,
  handOn: boolean,
  times: LeaseTimes = { leaseMs: LEASE_MS, renewEveryMs: RENEW_EVERY_MS, beyondMs: BEYOND_MS },
): typeof work {
  return async (action, ctx, ports) => {
    const { store, closes = [] } = action;
    if (closes.length === 0) return work(action, ctx, ports);
    const early = overdue(ctx);
    if (early) return early;
    const routes = await ports.traffic.read();
    const tenants = routes.filter((each) => each.store === store).map(({ tenant }) => tenant);
    // Of a store that nobody lives in nobody asks for anything.
    if (tenants.length === 0) return work(action, ctx, ports);
    const names = closes.map(({ name }) => name);
    const forMs = Math.min(times.leaseMs, ctx.remainingMs() + times.beyondMs);
    const since = performance.now();
    const closed = await closeAndDrain(ports, tenants, closes, ctx, { forMs });
    if (closed !== undefined) return closed;
    const missing = await without(ports, tenants, names, undefined, true);
    if (missing !== undefined) return failed('transient', `${missing} isn’t closed when read back`);
    const { operations } = ports;
    const close = (ms: number) => operations.close(tenants, closes, ctx, { forMs: ms });
    const kept = keepClosed(close, names, ctx, times, since + forMs);
    const ended = await work(action, kept.ctx, ports).finally(() => kept.stop());
    const outcome = kept.told(ended);
    if (outcome.kind === 'failed' && STILL_AT_WORK.has(outcome.code)) {
      await operations.close(tenants, closes, ctx, { forMs: BEYOND_MS });
      return outcome;
    }
    if (outcome.kind === 'done' && handOn) await operations.close(tenants, closes, ctx, { forMs: HANDED_ON_MS });
    else await operations.reopen(tenants, names, ctx);
    return outcome;
  };
}

/** Milliseconds: how long a lease is, how often it is renewed, and how long before its end what runs under it is ended. */
interface LeaseTimes {
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  readonly beyondMs: number;
}

/**
 * Renews a lease while something runs under it. Where the router doesn't renew it, that is said, and what runs is ended before the
 * lease is. `endsAt`: on the process's own clock.
 */
function keepClosed(
  close: (forMs: number) => ReturnType<Ports['operations']['close']>,
  names: readonly string[],
  ctx: StepContext,
  { leaseMs, renewEveryMs, beyondMs }: LeaseTimes,
  endsAt: number,
) {
  const over = new AbortController();
  let why = 'it was not renewed';
  let ends = endsAt;
  const atEnd = () => setTimeout(() => over.abort(), Math.max(0, ends - beyondMs - performance.now()));
  let ending = atEnd();
  const renew = async (): Promise<void> => {
    const since = performance.now();
    const refused = await close(leaseMs).then(
      (answer) => (answer.ok ? undefined : answer.why),
      (error: Error) => error.message,
    );
    if (refused === undefined) {
      ends = since + leaseMs;
      clearTimeout(ending);
      if (!over.signal.aborted) ending = atEnd();
    } else {
      why = refused;
      ctx.log(`the router doesn’t keep ${names.join(', ')} closed for longer: ${refused}`);
    }
  };
  let renewing: Promise<void> = Promise.resolve();
  const every = setInterval(() => {
    renewing = renewing.then(renew);
  }, renewEveryMs);
  return {
    ctx: {
      ...ctx,
      signal: AbortSignal.any([ctx.signal, over.signal]),
      remainingMs: () => (over.signal.aborted ? 0 : ctx.remainingMs()),
    },
    /** Returns once no renewal is under way, so that none comes after what the caller does next. */
    async stop(): Promise<void> {
      clearInterval(every);
      await renewing;
      clearTimeout(ending);
    },
    told(outcome: Outcome): Outcome {
      if (!over.signal.aborted) return outcome;
      const opened = `the router would have opened ${names.join(', ')} meanwhile (${why})`;
      if (outcome.kind === 'failed') return { ...outcome, why: `${opened}: ${outcome.why}`.slice(0, 500) };
      ctx.log(`${opened}, and what ran didn’t end for it`);
      return outcome;
    },
  };
}

/** Nobody knows whether the store is still being changed, or somebody else decides by now. */
const STILL_AT_WORK: ReadonlySet<string> = new Set(['expired', 'unknown', 'fenced']);

async function closeAndDrain(
  { operations: port }: Ports,
  tenants: readonly string[],
  operations: readonly Operation[],
  ctx: StepContext,
  where: { readonly slot?: string | undefined; readonly forMs?: number | undefined },
): Promise<ReturnType<typeof failed> | undefined> {
  const answer = await port.close(tenants, operations, ctx, where);
  if (!answer.ok) return failed(answer.code, answer.why);
  for (let running = await port.inFlight(tenants); running > 0; ) {
    if (overdue(ctx)) {
      const names = operations.map(({ name }) => name);
      await port.reopen(tenants, names, ctx, where.slot);
      return failed('transient', `${running} requests of ${names.join(', ')} still run`);
    }
    await pause(LOOK_EVERY_MS, ctx.signal);
    running = await port.inFlight(tenants);
  }
  return undefined;
}

/** The first operation that isn't as it should be for all of the tenants. */
async function without(
  { operations }: Ports,
  tenants: readonly string[],
  names: readonly string[],
  slot: string | undefined,
  wanted: boolean,
): Promise<string | undefined> {
  const closed = await operations.closed();
  const of = (name: string): ReadonlySet<string> =>
    new Set(
      closed.filter((each: ClosedNow) => each.operation === name && each.slot === slot).flatMap((c) => c.tenants),
    );
  return names.find((name) => {
    const now = of(name);
    return tenants.some((tenant) => now.has(tenant) !== wanted);
  });
}
