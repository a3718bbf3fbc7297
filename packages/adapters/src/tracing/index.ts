/**
 * Traces by OpenTelemetry, for servers and agents alike. Off unless one of OpenTelemetry's own variables names a receiver,
 * and then nothing of the SDK is even loaded: whoever is traced asks for a {@link Tracing} and gets undefined. What goes
 * out are names, times and ids (promotion, rollout, cell, step): no secret, no person, no tenant, nothing that was sent.
 *
 * One promotion is one trace: the request that asked for it is the root (or whoever called us with a `traceparent`, as the
 * W3C's Trace Context has it), its ticks and steps hang below that, and an assignment carries the context to the agent.
 */
import type { Attributes } from '@opentelemetry/api';

/** A W3C `traceparent`: version, trace, span and flags. */
export type TraceParent = string;

/** What a span is: `client` waits for somebody else, `server` was asked by somebody. */
export type SpanKind = 'server' | 'client' | 'internal' | 'consumer';

export interface Span {
  /** Attributes that became known on the way. */
  set(attributes: Attributes): void;
  /** It failed, and in which class of ways; never with what somebody sent. */
  fail(why: string): void;
  end(): void;
  /** For whoever continues it elsewhere. */
  readonly parent: TraceParent;
  /** Runs work whose own spans are below this one. */
  within<T>(work: () => T): T;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Below whom; by default below the span that is open here. */
  readonly under?: TraceParent | undefined;
}

export interface Tracing {
  start(name: string, options?: SpanOptions): Span;
  /** A span around work: it fails when the work throws, and ends with it. */
  around<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** The span that is open here failed, and in which class of ways. */
  failHere(why: string): void;
  /** The context that is open here, to be handed on. */
  current(): TraceParent | undefined;
  /** Sends what is left, within the exporter's own patience. */
  stop(): Promise<void>;
}

/** Whether OpenTelemetry's variables ask for traces. */
export function tracesWanted(env: NodeJS.ProcessEnv): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  if ((env.OTEL_TRACES_EXPORTER ?? 'otlp') !== 'otlp') return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT);
}

/** Starts tracing when the environment asks for it. `service`: its name, unless OTEL_SERVICE_NAME says another. */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  service: string,
  version: string,
  onTrouble: (why: string) => void,
): Promise<Tracing | undefined> {
  if (!tracesWanted(env)) return undefined;
  const { openTelemetry } = await import('./open-telemetry.ts');
  return openTelemetry(env, service, version, onTrouble);
}
