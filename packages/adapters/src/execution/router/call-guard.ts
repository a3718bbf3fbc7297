import type { IncomingHttpHeaders } from 'node:http';

/** A request as a guard sees it, before it is sent anywhere. */
export interface GuardedCall {
  /** The request target, as it was asked. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | undefined;
  /** What the slot is told of the tenant; `undefined`: nothing. */
  readonly tenantValue: string | undefined;
}

export interface Refusal {
  readonly title: string;
  readonly detail: string;
}

/** Why a request isn't sent on; `undefined` when it is. Takes bounded time, and leaves the body as it is. */
export type CallGuard = (call: GuardedCall) => Refusal | undefined;
