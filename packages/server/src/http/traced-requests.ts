/** A span for each request and one for its use case, where traces are wanted; else nothing but a function call. */
import type { Tracing } from '@headgate/adapters/tracing/index';
import { type Route, traceParentOf } from '@headgate/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { attributesOf } from '../tracing/attributes.ts';

type Handle = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** Asked all the time by machines, or open for hours: a span for each would only bury the others. */
const UNTRACED: ReadonlySet<string> = new Set([
  'healthz',
  'readyz',
  'metrics',
  'leaseStep',
  'renewLease',
  'watchEvents',
]);

export class TracedRequests {
  readonly #tracing: Tracing | undefined;

  constructor(tracing: Tracing | undefined) {
    this.#tracing = tracing;
  }

  /** The handler with its span around it, below the caller's. */
  around(name: string, { method, path }: Route, handle: Handle): Handle {
    const tracing = this.#tracing;
    if (tracing === undefined || UNTRACED.has(name)) return handle;
    return (request, reply) => {
      // The route and never the address: what stands in a query is the caller's own affair.
      const attributes = {
        'http.request.method': method,
        'http.route': path,
        'headgate.request': request.id,
        ...attributesOf(idsIn(request.params)),
      };
      const under = traceParentOf(request.headers.traceparent);
      return tracing.around(`${method} ${path}`, { kind: 'server', attributes, under }, async (span) => {
        const answered = await handle(request, reply);
        span.set({ 'http.response.status_code': reply.statusCode });
        if (reply.statusCode >= 500) span.fail(String(reply.statusCode));
        return answered;
      });
    };
  }

  useCase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const tracing = this.#tracing;
    return tracing === undefined || UNTRACED.has(name) ? work() : tracing.around(name, {}, work);
  }
}

function idsIn(params: unknown): Record<string, string> {
  const { promotion, rollout, cell } = (params ?? {}) as Readonly<Record<string, string | undefined>>;
  return Object.fromEntries(
    Object.entries({ promotion, rollout, cell }).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  );
}
