/** The HTTP server: every route of the contract with its handler, the one way from a request to an answer. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Guest, onBehalfOf } from '@headgate/adapters/control/postgres/index';
import { DEFAULT_MAX_BYTES, headerOf, queryOf, type Route, type RouteName, routes } from '@headgate/contract';
import { NewerRow, notFound, type Read, type Result, StoreUnavailable } from '@headgate/control';
import type { Principal, Refusal } from '@headgate/domain';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';
import { withIds } from '../log-lines.ts';
import { type AnswerLost, addPage } from '../page/page.ts';
import { Attempts } from './attempts.ts';
import { NOBODY } from './auth.ts';
import type { Octets } from './blob-stream.ts';
import { BodyBytes, type ComingBody, JSON_ROOMS, OCTETS_ROOMS } from './body-bytes.ts';
import { trustedProxies } from './client-address.ts';
import { boundConnections, HEAD_TIMES, KEEP_ALIVE_MS, SILENT_MS } from './connections.ts';
import type { Context } from './context.ts';
import { type Admission, Entrance, type EntranceOptions } from './entrance.ts';
import type { Call, Handlers } from './handler.ts';
import { HeavyRoutes } from './heavy-routes.ts';
import { check } from './input.ts';
import { JSON_BOUNDS, readJson } from './json-body.ts';
import { answerNoRequest } from './no-request.ts';
import { BodyRefused, readOctets } from './octets-body.ts';
import { refusalOfFramework, sendProblem } from './problems.ts';
import { secure } from './security-headers.ts';
import { TracedRequests } from './traced-requests.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal;
    /** The row that the principal was recognised by. */
    asOf: Read | undefined;
    /** Counts the bytes of its body; undefined where nobody reads one. */
    coming: ComingBody | undefined;
  }
}

/** What the way to a handler asks of a route before it is taken. */
interface ReadConfig {
  readonly maxValues?: number;
  /** Counted by its token where it has one, else by its address; or not at all, for what a balancer asks. */
  readonly counted?: 'token' | 'never';
}

/** A balancer asks for these. Behind it everybody has its address, and nobody must be able to make it send no one here. */
const PROBES: ReadonlySet<string> = new Set(['healthz', 'readyz']);

type AnyHandler = (call: Call<Route>) => Promise<Result<unknown> | undefined>;

/** Makes the server; it doesn't listen yet. */
export function httpServer(
  context: Context,
  handlers: Handlers,
  tls: Config['tls'],
  options: EntranceOptions = {},
): FastifyInstance {
  const attempts = new Attempts(context.deps, context.logger);
  const onLimited = (kind: string) => context.metrics.limited(kind);
  const entrance = new Entrance(context.deps, { onLimited, ...options });
  const app = Fastify({
    logger: false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: DEFAULT_MAX_BYTES,
    requestTimeout: 120_000,
    connectionTimeout: SILENT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: (_error, request, reply) => {
      const where = request.url.split('?')[0]?.slice(0, 300) ?? '';
      // The framework answers this without its hooks.
      secure(reply, tls !== undefined);
      sendProblem(request, reply, [{ code: 'not-json', what: request.method, where, ...BAD_ADDRESS }]);
    },
    clientErrorHandler: (error, socket) => answerNoRequest(error, socket),
    ...(tls === undefined ? { http: HEAD_TIMES } : { https: { ...tls, ...HEAD_TIMES } }),
  }) as unknown as FastifyInstance;
  const admitted = boundConnections(app, trustedProxies(options.trustedProxies ?? []), options.connections);

  app.decorateRequest('principal', null as never);
  app.decorateRequest('asOf', undefined);
  app.decorateRequest('coming', undefined);
  // Whatever is logged on the way carries the request's id, whoever logs it; and the caller is told it.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    withIds({ request: request.id, ...namedIn(request.params) }, done);
  });
  app.addHook('onRequest', async (request, reply) => {
    request.principal = NOBODY;
    request.asOf = undefined;
    request.coming = undefined;
    if ((request.routeOptions.config as ReadConfig).counted !== undefined) return;
    const tooMany = entrance.open(request);
    if (tooMany !== undefined) return turnAway(request, reply, tooMany);
  });
  app.removeAllContentTypeParsers();
  async function bytesOf(request: FastifyRequest, payload: IncomingMessage): Promise<Buffer | undefined> {
    const { coming } = request;
    // What was sent to an address that isn't there.
    if (coming === undefined) return void payload.resume();
    const announcedBytes = Number(request.headers['content-length'] ?? 0);
    return readOctets(payload, request.routeOptions.bodyLimit, { announcedBytes, take: coming.take });
  }
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const { maxValues: values = JSON_BOUNDS.values } = request.routeOptions.config as ReadConfig;
    const bytes = await bytesOf(request, payload);
    return bytes && readJson(bytes, { ...JSON_BOUNDS, values });
  });
  app.addContentTypeParser('application/octet-stream', bytesOf);
  app.addHook('onSend', async (_request, reply) => {
    secure(reply, tls !== undefined);
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, id, principal } = request;
    context.metrics.request(method, request.routeOptions.url, reply.statusCode, reply.elapsedTime);
    const line = {
      request: id,
      method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      principal: principal.id,
      ms: Math.round(reply.elapsedTime),
      // Whoever follows a promotion finds what was asked about it.
      ...namedIn(request.params),
    };
    if (reply.statusCode >= 500) context.logger.error(line, 'request');
    else context.logger.debug(line, 'request');
  });

  function turnAway(request: FastifyRequest, reply: FastifyReply, not: Extract<Admission, { refusal: Refusal }>) {
    if (not.principal !== undefined) request.principal = not.principal;
    if (not.retryAfterS !== undefined) reply.header('retry-after', String(not.retryAfterS));
    return refuse(request, reply, [not.refusal]);
  }

  /** Refuses; an attempt to act goes on the log first. */
  async function refuse(request: FastifyRequest, reply: FastifyReply, refusals: readonly Refusal[]) {
    const looks = request.method === 'GET' || request.method === 'HEAD';
    if (request.principal !== NOBODY && !looks) await attempts.record(request.principal, refusals);
    const [first] = refusals;
    // Whoever asks too often must not fill the disk as well: it is counted.
    const level = first?.code === 'too-many-requests' ? 'debug' : 'info';
    context.logger[level](
      {
        request: request.id,
        principal: request.principal.id,
        route: request.routeOptions.url,
        code: first?.code,
        where: first?.where,
      },
      'refused',
    );
    return sendProblem(request, reply, refusals);
  }

  app.setErrorHandler(async (error, request, reply) => {
    const refused = refusalOfFramework(error, request);
    // What is still on its way isn't read.
    if (refused?.code === 'too-slow' || refused?.code === 'too-large' || error instanceof BodyRefused)
      reply.header('connection', 'close');
    if (refused !== undefined) return refuse(request, reply, [refused]);
    if (error instanceof NewerRow) return sendProblem(request, reply, [leftToNewer(error, request)]);
    const away = error instanceof StoreUnavailable;
    context.logger[away ? 'warn' : 'error']({ err: error, request: request.id }, 'a request failed');
    return sendProblem(request, reply, [away ? UNAVAILABLE : faultOf(request)]);
  });
  let answerLost: AnswerLost = async () => false;
  app.setNotFoundHandler(async (request, reply) => {
    if (await answerLost(request, reply)) return reply;
    const missing = notFound(request.method, (request.url.split('?')[0] ?? '').slice(0, 300));
    return sendProblem(request, reply, missing.ok ? [] : missing.refusals);
  });

  const traced = new TracedRequests(context.tracing);
  const rooms = { octets: new BodyBytes(OCTETS_ROOMS), json: new BodyBytes(JSON_ROOMS) };
  const heavy = new HeavyRoutes();
  for (const [name, route] of Object.entries<Route>(routes)) {
    const handler = handlers[name as RouteName] as unknown as AnyHandler;
    const querySchema = queryOf(route);
    app.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      bodyLimit: route.maxBytes ?? DEFAULT_MAX_BYTES,
      config: configOf(name, route),
      // Before the body is read: who may not act doesn't make us read 64 MiB either.
      onRequest: async (request, reply) => {
        if (route.needs.length > 0) {
          const admission = await entrance.admit(request, route);
          if ('refusal' in admission) return turnAway(request, reply, admission);
          admitted(request.raw);
          request.principal = admission.principal;
          request.asOf = admission.asOf;
          whenOver(reply, admission.end);
        }
        if (request.method === 'GET' || request.method === 'HEAD') return;
        const announced = Math.min(Number(request.headers['content-length'] ?? 0), route.maxBytes ?? DEFAULT_MAX_BYTES);
        const room = route.body === 'octets' ? rooms.octets : rooms.json;
        const begun = room.begin(kindOf(request.principal), request.principal.id, announced);
        if ('refusal' in begun) return refuse(request, reply, [begun.refusal]);
        request.coming = begun;
        whenOver(reply, begun.end);
      },
      handler: traced.around(name, route, async (request, reply) => {
        const what = `${route.method} ${route.path}`;
        const params = check(route.params, request.params, 'path', what);
        // A probe may add what it likes; whoever mistypes a filter must not get everything.
        const query = check(querySchema, request.query, 'query', what);
        const headers = check(route.headers, ownHeaders(route, request.headers), 'header', what);
        const body =
          route.body === 'octets' ? octets(request.body, what) : check(route.body, request.body, 'body', what);
        const key = idempotencyKeyOf(request);
        for (const part of [params, query, headers, body, key])
          if (!part.ok) return refuse(request, reply, part.refusals);
        if (!params.ok || !query.ok || !headers.ok || !body.ok || !key.ok) throw new Error('unreachable');
        const again = () => entrance.again(request, route);
        const handle = () =>
          handler({
            principal: request.principal,
            asOf: request.asOf,
            again,
            input: { ...(headers.value as object), ...(query.value as object), ...(params.value as object) },
            body: body.value as never,
            idempotencyKey: key.value,
            get signal() {
              return goneOrStopped(reply, context.stop);
            },
            request,
            reply,
          });
        const { id } = request.principal;
        const guest: Guest = { kind: kindOf(request.principal), id };
        const result = await heavy.take(name as RouteName, id, async () => {
          const still = mayHaveEnded(route, reply.elapsedTime) ? await again() : undefined;
          if (still?.ok === false) return still;
          if (still !== undefined) Object.assign(request, still.value);
          return onBehalfOf(guest, () => traced.useCase(name, handle));
        });
        if (result === undefined) return reply;
        if (!result.ok) return refuse(request, reply, result.refusals);
        return answer(route, reply, result.value);
      }),
    });
  }
  answerLost = addPage(app, context.logger);
  return app;
}

function configOf(name: string, { maxValues, needs }: Route): ReadConfig {
  const counted = needs.length > 0 ? 'token' : PROBES.has(name) ? 'never' : undefined;
  return { ...(maxValues !== undefined && { maxValues }), ...(counted !== undefined && { counted }) };
}

/** Whoever only looks, and was admitted less than this ago, is not looked up twice. Milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** Whether a token may have ended since it was looked up: a body may come much later than its head. */
function mayHaveEnded({ needs, method }: Route, sinceMs: number): boolean {
  return needs.length > 0 && (method !== 'GET' || sinceMs >= LOOK_AGAIN_MS);
}

function kindOf({ roles }: Principal): Guest['kind'] {
  return roles.includes('agent') ? 'agents' : 'people';
}

/** Once the answer is out, or its caller is gone. */
function whenOver({ raw }: FastifyReply, end: () => void): void {
  if (raw.destroyed || raw.closed) end();
  else raw.once('close', end);
}

/** The promotion or rollout that a request's path names, for the log line. */
function namedIn(params: unknown): object {
  const { promotion, rollout } = (params ?? {}) as { promotion?: string; rollout?: string };
  return { ...(promotion !== undefined && { promotion }), ...(rollout !== undefined && { rollout }) };
}

function answer(route: Route, reply: FastifyReply, value: unknown): FastifyReply {
  if (route.response === 'octets') {
    const { total, stream } = value as Octets;
    // Named by its digest: it never changes.
    return reply
      .header('cache-control', 'private, max-age=31536000, immutable')
      .header('content-length', String(total))
      .type('application/octet-stream')
      .send(stream);
  }
  if (route.response === 'text') return reply.type('text/plain; charset=utf-8').send(value);
  if (reply.statusCode === 200) reply.code(route.status ?? 200);
  return reply.send(value);
}

function octets(body: unknown, what: string) {
  if (Buffer.isBuffer(body)) return { ok: true, value: body } as const;
  const why = 'the body is missing';
  return { ok: false, refusals: [{ code: 'malformed', what, where: 'body', why, unblock: 'send the bytes' }] } as const;
}

function idempotencyKeyOf(request: FastifyRequest) {
  const key = request.headers['idempotency-key'];
  if (key === undefined || (typeof key === 'string' && /^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$/.test(key)))
    return { ok: true, value: key as string | undefined } as const;
  const why = 'expected 1 to 200 printable ASCII characters';
  const refusal = {
    code: 'malformed',
    what: request.method,
    where: 'idempotency-key',
    why,
    unblock: 'send another key',
  };
  return { ok: false, refusals: [refusal] } as const;
}

/** Made only for the few calls that wait. */
function goneOrStopped(reply: FastifyReply, stop: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, stop]);
}

const BAD_ADDRESS = {
  why: 'the address is not well-formed: a percent sign stands before no two hexadecimal digits of UTF-8',
  unblock: 'encode the address',
};

const UNAVAILABLE: Refusal = {
  code: 'unavailable',
  what: 'answer',
  where: 'database',
  why: 'the database does not answer',
  unblock:
    'try again; the server goes on by itself when it is back. A request that changes something may have happened',
};

/** Whoever tries again through a balancer comes to a newer server. */
function leftToNewer({ stream }: NewerRow, request: FastifyRequest): Refusal {
  const why = 'a newer Headgate wrote it, and this server leaves it alone';
  return { code: 'newer-row', what: request.method, where: stream, why, unblock: 'ask a server of the newer version' };
}

function faultOf(request: FastifyRequest): Refusal {
  const why = 'the server met a fault of its own';
  const unblock = `see the server's log for request ${request.id}`;
  return { code: 'fault', what: request.method, where: request.routeOptions.url ?? '', why, unblock };
}

/** The fields of a route that stand in headers; whatever else is sent there is overlooked. */
function ownHeaders(route: Route, headers: FastifyRequest['headers']): Record<string, unknown> {
  const sent = Object.keys(route.headers?.shape ?? {}).map((field) => [field, headers[headerOf(field)]] as const);
  return Object.fromEntries(sent.filter(([, value]) => value !== undefined));
}
