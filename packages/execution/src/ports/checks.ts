import type { StepContext } from './step-context.ts';

/** How a tenant's business transaction went. */
export type CheckResult =
  | { readonly ok: true; readonly passed: number }
  | {
      readonly ok: false;
      readonly passed: number;
      readonly check: string;
      readonly why: string;
      /** When its first look failed; as long as the check allows it looked again, until the verdict. */
      readonly since?: number;
      /** When the verdict came. */
      readonly at: number;
    };

export interface CheckContext extends Pick<StepContext, 'signal' | 'idempotencyKey' | 'fence'> {
  /** Of the time from now on, how much a tenant's checks may keep the system at work, unless the document says less. */
  busyAtMostPercent?(): number;
}

/** Runs a Verification document's business transactions against one tenant. */
export interface Checks {
  /**
   * `slot` is the one that must answer. Throws when the document itself is bad, and when a later decision than the fence's
   * was seen by what must let the check in.
   */
  run(verification: unknown, tenant: string, slot: string, ctx: CheckContext): Promise<CheckResult>;
}
