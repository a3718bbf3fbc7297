import { traceParentOf, type Assignment as Wire } from '@headgate/contract';
import type { Action, Approval, Digest, PrincipalId, ReleaseRef, Scope } from '@headgate/domain';
import type { Fence } from '@headgate/domain/protocol/fence';
import { z } from 'zod';

/** One step as the server hands it out, in the domain's own words. Still a claim: the checks judge it. */
export interface Assignment {
  readonly rollout: string;
  readonly promotion: string;
  readonly application: string;
  readonly environment: string;
  readonly cell: string;
  readonly step: string;
  readonly action: Action;
  readonly course: 'forward' | 'undo';
  readonly scope?: Scope;
  readonly begun: number;
  readonly fence: Fence;
  readonly idempotencyKey: string;
  readonly plan: Digest;
  readonly release: ReleaseRef;
  readonly envelope: Digest;
  readonly approvals: readonly Approval[];
  /** Who asked for the promotion, when the server says so. */
  readonly requester?: PrincipalId;
  /** From the moment the agent asked. Milliseconds. */
  readonly lifetimeMs: number;
  /** What is left of the step's own deadline. Milliseconds. */
  readonly stepMs: number;
  /** The trace that it belongs to (W3C `traceparent`). */
  readonly traceparent?: string;
}

const Scoped = z.looseObject({
  kind: z.enum(['tenant', 'ring', 'cell', 'all']),
  wave: z.int(),
  cell: z.string().exactOptional(),
  tenants: z.array(z.string()).exactOptional(),
});

/** Reads what the contract leaves open. An undo whose scope can't be read has none, and is then refused by its check. */
export function assignmentOf(wire: Wire): Assignment {
  const { scope, traceparent, ...rest } = wire;
  const trace = traceParentOf(traceparent);
  const scoped = Scoped.safeParse(scope);
  return {
    ...(rest as unknown as Omit<Assignment, 'scope'>),
    ...(trace === undefined ? {} : { traceparent: trace }),
    ...(scoped.success ? { scope: scope as unknown as Scope } : {}),
  };
}
