import type { Readable } from 'node:stream';
import replyFrom, { type FastifyReplyFromHooks } from '@fastify/reply-from';
import type { AskedFor } from '@headgate/domain/model/operation';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { askedFor } from './asked-for.ts';
import type { CallGuard } from './call-guard.ts';
import { CHECK_HEADER, passes } from './check-pass.ts';
import type { InFlight } from './in-flight.ts';
import { answerProblems, answerUnreadable, problem } from './problem.ts';
import { onlyReads, type ReadingCalls } from './reading.ts';
import { toSlot } from './request-headers.ts';
import { misreadable } from './request-target.ts';
import type { RoutingTable } from './routing-table.ts';
import { type TenantBy, tenantOf } from './tenant-of.ts';
import { refuseOperation, turnAway } from './turn-away.ts';
import { passOn } from './upstream-answer.ts';
import { isWebSocket, WebSockets } from './websockets.ts';

export interface ProxyConfig {
  /** Port of the web component, by slot. */
  readonly upstreams: Readonly<Record<string, number>>;
  /** What takes the WebSockets at this path, where that isn't the web component: a port by slot. */
  readonly websockets?: { readonly path: string; readonly ports: Readonly<Record<string, number>> };
  readonly maxBodyBytes: number;
  /** How long a request is tried again while its slot refuses connections. Milliseconds. */
  readonly retryMs: number;
  /** How long a slot may take to begin its answer. Milliseconds. */
  readonly answerMs: number;
  /** How a request names its tenant: by its path, `/t/<tenant>/…`, by the first label of its host, or not: there is one. */
  readonly tenantBy: TenantBy;
  /**
   * A header that tells the slot something of the tenant, whatever the request said: Odoo's database. With
   * `withBearerOnly` only requests that carry a bearer token get it; of all others it is taken away alone.
   */
  readonly tenantHeader: {
    readonly name: string;
    readonly values: Readonly<Record<string, string>>;
    readonly withBearerOnly: boolean;
  } | null;
  /** Refuses requests for what they say inside: calls that name somebody else's database. */
  readonly callGuard: CallGuard | null;
  /** Posted calls that only read: served while a tenant is held for writes alone. */
  readonly readingCalls: readonly ReadingCalls[];
  /** When a request of a held tenant is told to come again. Seconds. */
  readonly retryAfterS: number;
  /** What our own checks say to reach a held tenant. */
  readonly checkPass: string;
}

const RETRY_EVERY_MS = 40;
/** The connection was never made, so the request was never sent: safe to send again whatever it asks for. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);
/** It may have been sent: again only when it asks for nothing to change. */
const PERHAPS_SENT = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Customers' side of the router: a request goes, unchanged, to its tenant's slot. One of a held tenant is answered with
 * 503 and when to come again, whatever it asks for; while only its writes are held, one that only reads goes through. So is one
 * that asks for an operation which is closed.
 */
export async function buildProxy(
  config: ProxyConfig,
  table: RoutingTable,
  inFlight: InFlight,
): Promise<FastifyInstance> {
  const app = Fastify({
    logger: false,
    http: { shouldUpgradeCallback: isWebSocket },
    bodyLimit: config.maxBodyBytes,
    requestTimeout: 120_000,
    routerOptions: { maxParamLength: 100 },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, _request, reply) => {
      problem(reply, error.statusCode ?? 400, 'Bad request target', error.message.slice(0, 300));
    },
  });
  answerProblems(app);
  app.addHook('onRequest', async (request, reply) => {
    const why = misreadable(request.raw.url ?? '', request.raw.rawHeaders);
    return why === undefined ? undefined : problem(reply, 400, 'Bad request', why);
  });
  // Bodies pass through as bytes. They are held, bounded, so that a request whose connection was refused can go again.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  await app.register(replyFrom, {
    disableCache: true,
    disableRequestLogging: true,
    undici: {
      keepAliveTimeout: 1_000,
      keepAliveMaxTimeout: 1_000,
      connections: 256,
      headersTimeout: config.answerMs,
      bodyTimeout: config.answerMs,
    },
  });
  const webSockets = new WebSockets(config, table, inFlight);
  app.server.on('upgrade', (request, socket, head) => webSockets.take(request, socket, head));
  app.addHook('preClose', async () => webSockets.close());
  const forward = forwarder(config, table, inFlight);
  if (config.tenantBy !== 'path') app.all('/*', forward);
  else {
    app.all('/t/:tenant', forward);
    app.all('/t/:tenant/*', forward);
  }
  return app;
}

function forwarder(config: ProxyConfig, table: RoutingTable, inFlight: InFlight) {
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const tenant = tenantOf(config.tenantBy, request.raw.url ?? '', request.headers.host);
    const checks = passes(config.checkPass, request.headers[CHECK_HEADER]);
    const what: AskedFor = askedFor(config.tenantBy, request.method, request.raw.url ?? '', request.headers);
    const reads = onlyReads(config.readingCalls, what.methods, request.raw.url ?? '');
    const retryUntil = performance.now() + config.retryMs;
    const { remoteAddress: address } = request.raw.socket;
    const arrival = { host: request.headers.host, address, encrypted: 'encrypted' in request.raw.socket };
    const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : undefined;
    // Read to its end, a request isn't taken for one that was broken off while we sent it when its client leaves later.
    request.raw.resume();

    const refusal = config.callGuard?.({
      target: request.raw.url ?? '',
      headers: request.headers,
      body,
      tenantValue: ownValue(config.tenantHeader?.values ?? {}, tenant),
    });
    if (refusal !== undefined) return problem(reply, 403, refusal.title, refusal.detail);

    // The route is looked up anew for each attempt: a request that was refused goes where its tenant is routed now.
    const attempt = (): void => {
      // Asked at each attempt: a tenant may be held while a request waits for its slot.
      if (reads && table.pausing.has(tenant) && !checks && performance.now() < retryUntil && !reply.raw.destroyed) {
        setTimeout(attempt, RETRY_EVERY_MS);
        return;
      }
      if (!checks && table.turnsAway(tenant, reads)) {
        turnAway(request, reply, config.retryAfterS, table.servesReads(tenant));
        return;
      }
      const slot = table.pick(tenant, Math.random());
      if (slot === undefined) {
        problem(reply, 404, 'No such tenant', `The tenant ${tenant.slice(0, 63)} isn't routed here.`);
        return;
      }
      // Our own checks, too: what they post can be undone no better than what a customer does.
      const closed = table.closed.asked(tenant, slot, what);
      if (closed !== undefined) {
        refuseOperation(request, reply, config.retryAfterS, closed);
        return;
      }
      // Until the slot has answered, not until the client has gone: the application goes on, and may write, without it.
      const leave = inFlight.enter(slot, tenant, !reads, what);
      const options: FastifyReplyFromHooks = {
        getUpstream: () => `http://127.0.0.1:${config.upstreams[slot]}`,
        ...(body ? { body, contentType: request.headers['content-type'] ?? 'application/octet-stream' } : {}),
        retryDelay: () => null,
        rewriteHeaders: (headers) => {
          // Of a request that was broken off, the answer is thrown away without a word (no onResponse, no onError).
          if (request.raw.aborted) leave();
          return withoutConnection(headers);
        },
        rewriteRequestHeaders: (_request, headers) => toSlot(headers, tenant, config.tenantHeader, arrival),
        onError: (_reply, { error }) => {
          leave();
          const code = causeCode(error);
          const again = NEVER_SENT.has(code) || (PERHAPS_SENT.has(code) && SAFE.has(request.method));
          if (again && performance.now() < retryUntil && !reply.raw.destroyed) setTimeout(attempt, RETRY_EVERY_MS);
          else unavailable(reply, slot, code);
        },
        onResponse: (_request, _reply, { stream }) => {
          const answer = passOn(stream as unknown as Readable, !SAFE.has(request.method), config.answerMs, leave);
          if (reply.sent || reply.raw.destroyed) answer.destroy();
          else reply.send(answer);
        },
      };
      try {
        reply.from(undefined, options);
      } catch (error) {
        leave();
        throw error;
      }
    };
    attempt();
    return reply;
  };
}

function ownValue(values: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function unavailable(reply: FastifyReply, slot: string, code: string): void {
  if (code === 'UND_ERR_HEADERS_TIMEOUT')
    problem(reply, 504, 'No answer in time', `Slot ${slot} didn't begin an answer in time.`);
  else if (NEVER_SENT.has(code))
    problem(
      reply.header('retry-after', '1'),
      503,
      'Unavailable',
      `Slot ${slot} takes no connections; the request was not carried out.`,
    );
  else
    problem(
      reply,
      502,
      'Connection lost',
      `The connection to slot ${slot} was lost (${code}); the request may or may not have been carried out.`,
    );
}

/** The connection to a slot and the one to the customer are two: what is said about one isn't passed on. */
function withoutConnection<H extends Record<string, unknown>>(headers: H): H {
  const { connection: _connection, 'keep-alive': _keepAlive, ...rest } = headers;
  return rest as H;
}

function causeCode(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = (at as NodeJS.ErrnoException).code;
    if (code !== undefined && !code.startsWith('FST_')) return code;
  }
  return 'unknown';
}
