/** How a route's handler looks: typed by the route, it answers with a value or refusals, and knows nothing of HTTP. */
import type { CallOutput, Parsed, Route, Routes } from '@headgate/contract';
import type { Read, Recognised, Result } from '@headgate/control';
import type { Principal } from '@headgate/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Octets } from './blob-stream.ts';

/** What is sent may be read-only; what the contract says is what the caller gets. */
export type Shown<T> = T extends readonly (infer U)[]
  ? readonly Shown<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Shown<T[K]> }
    : T;

/** One call of a route: checked input, who calls, and an end to wait for. */
export interface Call<R extends Route> {
  readonly principal: Principal;
  /** The row that it was recognised by; undefined of a route that needs no token. */
  readonly asOf: Read | undefined;
  /** Looks again whose the token is, for what goes on for longer; the refusal when it has ended. */
  again(): Promise<Result<Recognised>>;
  /** Parameters of the path and of the query, and headers of ours. */
  readonly input: Parsed<R['params']> & Parsed<R['query']> & Parsed<R['headers']>;
  readonly body: R['body'] extends 'octets' ? Buffer : Parsed<R['body']>;
  readonly idempotencyKey: string | undefined;
  /** Aborted when the caller is gone or the server stops. */
  readonly signal: AbortSignal;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What a handler answers with; bytes may come as they are read. */
export type Output<R extends Route> = R['response'] extends 'octets' ? Octets : Shown<CallOutput<R>>;

/** Undefined: the handler answered by itself (a stream). */
export type Handler<R extends Route> = (
  call: Call<R>,
) => Promise<Result<Output<R>> | (R['response'] extends 'events' ? undefined : never)>;

export type Handlers<N extends keyof Routes = keyof Routes> = { readonly [K in N]: Handler<Routes[K]> };
