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

/** The closings after a change: those of the same operation in the same place are replaced, and keep since when it is closed. */
export function closed(
  before: readonly StoredClosing[],
  { close, reopen }: { readonly close: readonly Closing[]; readonly reopen: readonly Reopening[] },
  now: number,
): StoredClosing[] {
  let closings = before.filter((each) => leftOf(each, now) > 0);
  for (const { operations, tenants, slot } of reopen) {
    for (const operation of operations) closings = without(closings, operation, tenants, slot);
  }
  for (const { operations, tenants, slot, forMs } of close) {
    for (const operation of operations) {
      const known = closings.filter((each) => isOf(each, operation.name, slot));
      const all = new Set(tenants);
      const since = Math.min(now, ...known.filter((k) => k.tenants.some((t) => all.has(t))).map((k) => k.since));
      const lease = forMs === undefined ? {} : { until: now + forMs, forMs };
      const own = { operation, tenants: [...all].sort(), ...(slot !== undefined && { slot }), since, ...lease };
      closings = [...without(closings, operation.name, tenants, slot), own];
    }
  }
  return closings;
}

function isOf(closing: StoredClosing, operation: string, slot: string | undefined): boolean {
  return closing.operation.name === operation && closing.slot === slot;
}

function without(
  closings: readonly StoredClosing[],
  operation: string,
  tenants: readonly string[],
  slot: string | undefined,
): StoredClosing[] {
  const gone = new Set(tenants);
  return closings.flatMap((each) => {
    if (!isOf(each, operation, slot)) return [each];
    const left = each.tenants.filter((tenant) => !gone.has(tenant));
    return left.length === 0 ? [] : [{ ...each, tenants: left }];
  });
}

/** How much longer it is closed. Milliseconds; zero or less: its lease has ended. */
export function leftOf({ until, forMs }: StoredClosing, now: number): number {
  return until === undefined ? Number.POSITIVE_INFINITY : Math.min(until - now, forMs ?? 0);
}

interface Running {
  readonly closing: StoredClosing;
  /** On the process's own clock; infinite: until it is opened. Milliseconds. */
  readonly endsAt: number;
}

/**
 * What is closed for whom, by tenant. A lease counts on the process's own clock once it is in force, so that a clock that is set
 * back keeps nothing closed.
 */
export class ClosingsInForce {
  private readonly byTenant = new Map<string, Running[]>();
  private readonly clock: () => number;

  constructor(closings: readonly StoredClosing[], now = Date.now(), clock = () => performance.now()) {
    this.clock = clock;
    for (const closing of closings) {
      const running = { closing, endsAt: clock() + leftOf(closing, now) };
      for (const tenant of closing.tenants) this.byTenant.set(tenant, [...(this.byTenant.get(tenant) ?? []), running]);
    }
  }

  /** Those that are in force for a tenant's requests in a slot. */
  of(tenant: string, slot: string): readonly Operation[] {
    return (this.byTenant.get(tenant) ?? []).flatMap(({ closing, endsAt }) =>
      (closing.slot === undefined || closing.slot === slot) && this.clock() < endsAt ? [closing.operation] : [],
    );
  }

  /** All that are in force, each once. */
  all(): readonly StoredClosing[] {
    const found = new Set<StoredClosing>();
    for (const each of this.byTenant.values())
      for (const { closing, endsAt } of each) if (this.clock() < endsAt) found.add(closing);
    return [...found];
  }

  /** The closed operation that a request asks for; undefined: none, and it is served. */
  asked(tenant: string, slot: string, request: AskedFor): Operation | undefined {
    return this.of(tenant, slot).find((operation) => asksFor(operation, request));
  }
}
