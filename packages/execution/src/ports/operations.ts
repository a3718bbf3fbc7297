import type { Operation } from '@headgate/domain/model/operation';
import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** An operation that is closed for tenants. */
export interface ClosedNow {
  readonly operation: string;
  readonly says: string;
  readonly tenants: readonly string[];
  /** Only in this slot. Absent: wherever they are. */
  readonly slot?: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** When it opens by itself. Absent: when it is opened. Milliseconds since 1970. */
  readonly until?: number;
}

/** Single operations of tenants: closed ones are refused with when to come again, and everything else is served. */
export interface Operations {
  /**
   * Takes no new requests of these operations, in one slot or in all. With `forMs` they open by themselves after that, whatever
   * became of who closed them; closing them again begins that anew. Returns once it holds; old requests may still run.
   */
  close(
    tenants: readonly string[],
    operations: readonly Operation[],
    ctx: StepContext,
    where?: { readonly slot?: string | undefined; readonly forMs?: number | undefined },
  ): Promise<Answer<void>>;
  /** Takes them again: those that were closed in this slot, or, without one, in all. */
  reopen(
    tenants: readonly string[],
    operations: readonly string[],
    ctx: StepContext,
    slot?: string,
  ): Promise<Answer<void>>;
  /** Reads back what is closed at this moment. */
  closed(): Promise<readonly ClosedNow[]>;
  /** Of the requests of these tenants that run, those of operations that are closed by now. */
  inFlight(tenants: readonly string[]): Promise<number>;
}
