import { type AskedFor, asksFor, METHODS, OPERATION_LIMITS, type Operation } from '@headgate/domain/model/operation';
import { z } from 'zod';

const name = z.string().min(1).max(63);

export const ClosedOperation = z.strictObject({
  name,
  says: z.string().min(1).max(300),
  requests: z
    .array(
      z.strictObject({
        methods: z.array(z.enum(METHODS)).min(1).max(METHODS.length),
        path: z.string().startsWith('/').max(OPERATION_LIMITS.pathLength),
      }),
    )
    .min(1)
    .max(OPERATION_LIMITS.requests),
});

/** A week: no step takes longer, and nothing that isn't renewed stays closed for longer. Milliseconds. */
const MOST_LEASE_MS = 7 * 86_400_000;

/** Operations to close for tenants: in one slot alone, or wherever they are; for so long, or until they are opened. */
export const Closing = z.strictObject({
  operations: z.array(ClosedOperation).min(1).max(OPERATION_LIMITS.operations),
  tenants: z.array(name).min(1).max(10_000),
  slot: name.exactOptional(),
  forMs: z.int().min(1).max(MOST_LEASE_MS).exactOptional(),
});
export type Closing = z.output<typeof Closing>;

/** Operations to open again, by their names: what was closed in this slot, or, without one, wherever tenants are. */
export const Reopening = z.strictObject({
  operations: z.array(name).min(1).max(OPERATION_LIMITS.operations),
  tenants: z.array(name).min(1).max(10_000),
  slot: name.exactOptional(),
});
export type Reopening = z.output<typeof Reopening>;

/** One operation, closed for tenants since a moment; with `until` it is a lease, which ends by itself. Milliseconds since 1970. */
export const StoredClosing = z.strictObject({
  operation: ClosedOperation,
  tenants: z.array(name),
  slot: name.exactOptional(),
  since: z.int(),
  until: z.int().exactOptional(),
  /** How long the lease was when it was taken: a clock that was set back makes it no longer. */
  forMs: z.int().exactOptional(),
});
export type StoredClosing = z.output<typeof StoredClosing>;

/** The two clocks of a machine. Milliseconds. */
export interface Clocks {
  /** Since 1970, in whole ones; people and machines set it. */
  readonly wall: () => number;
  /** The process's own: nobody sets it, and it says nothing to another process. */
  readonly own: () => number;
}
const CLOCKS: Clocks = { wall: () => Date.now(), own: () => performance.now() };

/** How far the end that is told may lie beside the one that is kept, so that it is no other one at each look. Milliseconds. */
const TOLD_WITHIN_MS = 1_000;

interface Running {
  readonly closing: StoredClosing;
  /** On the process's own clock; infinite: until it is opened. Milliseconds. */
  readonly endsAt: number;
}

/** How much longer what was written down is closed, by the only clock that outlives a process. Milliseconds. */
function leftOf({ until, forMs }: StoredClosing, now: number): number {
  return until === undefined ? Number.POSITIVE_INFINITY : Math.min(until - now, forMs ?? 0);
}

function isOf({ closing }: Running, operation: string, slot: string | undefined): boolean {
  return closing.operation.name === operation && closing.slot === slot;
}

function without(
  all: readonly Running[],
  operation: string,
  tenants: readonly string[],
  slot: string | undefined,
): Running[] {
  const gone = new Set(tenants);
  return all.flatMap((each) => {
    if (!isOf(each, operation, slot)) return [each];
    const left = each.closing.tenants.filter((tenant) => !gone.has(tenant));
    return left.length === 0 ? [] : [{ ...each, closing: { ...each.closing, tenants: left } }];
  });
}

/**
 * What is closed for whom. A lease ends on the process's own clock, from when it is taken until it is over: neither a wall clock
 * that is set nor a change of something else moves its end. What was written down by a process before counts on by the wall clock.
 */
export class ClosingsInForce {
  private running: readonly Running[];
  private readonly byTenant = new Map<string, Running[]>();
  private readonly clocks: Clocks;

  private constructor(running: readonly Running[], clocks: Clocks) {
    this.running = running;
    this.clocks = clocks;
    for (const each of running)
      for (const tenant of each.closing.tenants) {
        const known = this.byTenant.get(tenant);
        if (known === undefined) this.byTenant.set(tenant, [each]);
        else known.push(each);
      }
  }

  /** As another process has written them down. */
  static of(stored: readonly StoredClosing[], clocks: Clocks = CLOCKS): ClosingsInForce {
    const [now, own] = [clocks.wall(), clocks.own()];
    return new ClosingsInForce(
      stored.map((closing) => ({ closing, endsAt: own + leftOf(closing, now) })),
      clocks,
    );
  }

  /** Those after a change: what is closed again takes the place of what was closed there, and keeps since when it is closed. */
  after({
    close,
    reopen,
  }: {
    readonly close: readonly Closing[];
    readonly reopen: readonly Reopening[];
  }): ClosingsInForce {
    const [now, own] = [this.clocks.wall(), this.clocks.own()];
    let all: readonly Running[] = this.running.filter(({ endsAt }) => own < endsAt);
    for (const { operations, tenants, slot } of reopen) {
      for (const operation of operations) all = without(all, operation, tenants, slot);
    }
    for (const { operations, tenants, slot, forMs } of close) {
      const names = new Set(tenants);
      const lease = forMs === undefined ? {} : { until: now + forMs, forMs };
      for (const operation of operations) {
        const known = all.filter((each) => isOf(each, operation.name, slot)).map(({ closing }) => closing);
        const since = Math.min(now, ...known.filter((k) => k.tenants.some((t) => names.has(t))).map((k) => k.since));
        const closing = { operation, tenants: [...names].sort(), ...(slot !== undefined && { slot }), since, ...lease };
        const endsAt = own + (forMs ?? Number.POSITIVE_INFINITY);
        all = [...without(all, operation.name, tenants, slot), { closing, endsAt }];
      }
    }
    return new ClosingsInForce(all, this.clocks);
  }

  /** The operations that are in force for a tenant's requests in a slot. */
  of(tenant: string, slot: string): readonly Operation[] {
    return (this.byTenant.get(tenant) ?? []).flatMap(({ closing, endsAt }) =>
      (closing.slot === undefined || closing.slot === slot) && this.clocks.own() < endsAt ? [closing.operation] : [],
    );
  }

  /** All that are in force, each once, as they are told and written down: with the end that the wall clock will show then. */
  all(): readonly StoredClosing[] {
    const [now, own] = [this.clocks.wall(), this.clocks.own()];
    this.running = this.running.map((each) => {
      const { closing, endsAt } = each;
      if (closing.until === undefined) return each;
      const until = Math.round(now + endsAt - own);
      if (Math.abs(until - closing.until) < TOLD_WITHIN_MS) return each;
      return { ...each, closing: { ...closing, until } };
    });
    return this.running.filter(({ endsAt }) => own < endsAt).map(({ closing }) => closing);
  }

  /** The closed operation that a request asks for; undefined: none, and it is served. */
  asked(tenant: string, slot: string, request: AskedFor): Operation | undefined {
    return this.of(tenant, slot).find((operation) => asksFor(operation, request));
  }
}
