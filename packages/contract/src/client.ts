/**
 * The one typed client, derived from the routes: `client.call('showPromotion', { promotion: 'prm_…' })`. Answers are
 * parsed by the route's schema; refusals are thrown as {@link ProblemError}, an absent server as {@link ServerUnreachable}.
 */
import { z } from 'zod';
import { readEvents, type ServerSentEvent } from './events.ts';
import { type Problem, problem } from './problem.ts';
import { type CallInput, type CallOutput, headerOf, type Route } from './route.ts';
import { type RouteName, type Routes, routes } from './routes.ts';

export interface ClientOptions {
  /** `http://127.0.0.1:7070`, without a path. */
  readonly baseUrl: string;
  /** Absent only for the routes that need none. */
  readonly token?: string;
  readonly fetch?: typeof fetch;
  /** The trace that a call belongs to, as the W3C's `traceparent`; asked for each call. */
  readonly traceparent?: () => string | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** How long to wait for the answer, milliseconds; 30 s unless said. Long polls add their own wait. */
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
}

/** The server answered with a problem. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ProblemError';
    this.problem = problem;
  }
  get status(): number {
    return this.problem.status;
  }
  /** The first refusal's code, or the problem's type. */
  get code(): string {
    return this.problem.refusals[0]?.code ?? this.problem.type;
  }
}

/** No answer, or none that is ours: nothing is known about whether the call had an effect. */
export class ServerUnreachable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ServerUnreachable';
  }
}

/** Something answered for the server, with what this client doesn't understand: a newer one, say. It is there. */
export class UnreadableAnswer extends ServerUnreachable {
  constructor(message: string, cause?: unknown) {
    super(message, cause);
    this.name = 'UnreadableAnswer';
  }
}

type Empty = Record<never, never>;
type Arguments<R extends Route> =
  Empty extends CallInput<R>
    ? [input?: CallInput<R>, options?: CallOptions]
    : [input: CallInput<R>, options?: CallOptions];

export interface Client {
  readonly baseUrl: string;
  call<N extends RouteName>(name: N, ...args: Arguments<Routes[N]>): Promise<CallOutput<Routes[N]>>;
  /**
   * Log entries as they are placed, behind place `after`; ends with the connection. Resolved once the stream is open: from
   * then on nothing is missed, so what is asked afterwards and what comes leave no gap. Whoever stops reading aborts `signal`.
   */
  watch(options?: { readonly after?: number; readonly signal?: AbortSignal }): Promise<AsyncIterable<ServerSentEvent>>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Largest answer that is taken, in bytes: whoever answers doesn't decide how much of our memory that takes. */
const MOST_ANSWER_BYTES = 128 * 1024 * 1024;

/** Makes a client of one server for one token. */
export function createClient(options: ClientOptions): Client {
  const base = options.baseUrl.replace(/\/+$/, '');
  const send = options.fetch ?? fetch;

  async function request(name: RouteName, input: Record<string, unknown>, call: CallOptions): Promise<Response> {
    const route: Route = routes[name];
    const url = base + pathOf(route, input) + queryOf(route, input);
    const headers: Record<string, string> = { accept: acceptOf(route) };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    const traceparent = options.traceparent?.();
    if (traceparent !== undefined) headers.traceparent = traceparent;
    if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
    for (const field of Object.keys(route.headers?.shape ?? {}))
      if (input[field] !== undefined) headers[headerOf(field)] = String(input[field]);
    const init: RequestInit = { method: route.method, headers, redirect: 'error' };
    if (route.body === 'octets') {
      headers['content-type'] = 'application/octet-stream';
      init.body = input.body as Uint8Array<ArrayBuffer>;
    } else if (route.body !== undefined) {
      headers['content-type'] = 'application/json';
      init.body = JSON.stringify(input.body);
    }
    const signals = call.signal === undefined ? [] : [call.signal];
    if (route.response !== 'events') {
      const wait = (input.body as { waitMs?: number } | undefined)?.waitMs ?? 0;
      signals.push(AbortSignal.timeout((call.timeoutMs ?? DEFAULT_TIMEOUT_MS) + wait));
    }
    if (signals.length > 0) init.signal = AbortSignal.any(signals);
    try {
      return await send(url, init);
    } catch (error) {
      call.signal?.throwIfAborted();
      throw new ServerUnreachable(`no answer from ${base}: ${reasonOf(error)}`, error);
    }
  }

  async function call(name: RouteName, input: Record<string, unknown> = {}, callOptions: CallOptions = {}) {
    const route: Route = routes[name];
    const response = await request(name, input, callOptions);
    let whole = false;
    try {
      if (!response.ok) throw await problemOf(response, name);
      const bytes = await bytesOf(response);
      whole = true;
      if (route.response === 'octets') return bytes;
      const text = new TextDecoder().decode(bytes);
      if (route.response === 'text' || route.response === 'events') return text;
      return route.response.parse(JSON.parse(text));
    } catch (error) {
      if (error instanceof ProblemError || error instanceof ServerUnreachable) throw error;
      callOptions.signal?.throwIfAborted();
      const why = error instanceof z.ZodError ? z.prettifyError(error) : reasonOf(error);
      // One that broke off may come of a server that died.
      const Unread = whole ? UnreadableAnswer : ServerUnreachable;
      throw new Unread(`the answer of ${base} to ${name} can't be read: ${why}`, error);
    }
  }

  async function watch(from: { readonly after?: number; readonly signal?: AbortSignal } = {}) {
    const input = from.after === undefined ? {} : { after: from.after };
    const response = await request('watchEvents', input, from.signal === undefined ? {} : { signal: from.signal });
    if (!response.ok || response.body === null) throw await problemOf(response, 'watchEvents');
    return readEvents(response.body);
  }

  return { baseUrl: base, call: call as Client['call'], watch };
}

function pathOf(route: Route, input: Record<string, unknown>): string {
  return route.path.replace(/\{(\w+)\}/g, (_, param: string) => {
    const value = input[param];
    if (value === undefined || value === '') throw new TypeError(`${route.path} needs ${param}`);
    return encodeURIComponent(String(value));
  });
}

function queryOf(route: Route, input: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const key of Object.keys(route.query?.shape ?? {}))
    if (input[key] !== undefined) query.set(key, String(input[key]));
  return query.size === 0 ? '' : `?${query}`;
}

function acceptOf(route: Route): string {
  if (route.response === 'octets') return 'application/octet-stream';
  if (route.response === 'events') return 'text/event-stream';
  return route.response === 'text' ? 'text/plain' : 'application/json';
}

async function problemOf(response: Response, name: string): Promise<ProblemError | ServerUnreachable> {
  const read = async () => JSON.parse(new TextDecoder().decode(await bytesOf(response))) as unknown;
  const parsed = problem.safeParse(await read().catch(() => undefined));
  if (parsed.success) return new ProblemError(parsed.data);
  return new ServerUnreachable(`HTTP ${response.status} to ${name}, and not by a Headgate server`);
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_ANSWER_BYTES) throw new RangeError(`it is larger than ${MOST_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** How TLS says that it doesn't believe a certificate: OpenSSL's names, and Node's own. */
const UNTRUSTED = /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY)_|ERR_TLS_CERT_)/;

function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  if (cause?.code !== undefined && UNTRUSTED.test(cause.code))
    return `its certificate isn't trusted here (${cause.code}); name its authority's file in NODE_EXTRA_CA_CERTS`;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}
