/** The SDK: loaded only where traces were asked for. Its own variables (OTEL_…) say where to, how much and how often. */
import {
  type Context,
  context,
  DiagLogLevel,
  diag,
  SpanKind as OtKind,
  type Span as OtSpan,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Span, SpanKind, SpanOptions, TraceParent, Tracing } from './index.ts';
import { samplerOf } from './sampler.ts';

const KINDS: Readonly<Record<SpanKind, OtKind>> = {
  server: OtKind.SERVER,
  client: OtKind.CLIENT,
  internal: OtKind.INTERNAL,
  consumer: OtKind.CONSUMER,
};

export function openTelemetry(
  env: NodeJS.ProcessEnv,
  service: string,
  version: string,
  onTrouble: (why: string) => void,
): Tracing {
  const quiet = () => {};
  // A receiver that is away is said, not thrown; what it answered is not repeated.
  const said = () => onTrouble('traces could not be sent');
  diag.setLogger({ error: said, warn: said, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
  const exporter = protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter();
  const provider = new TracerProvider({
    sampler: samplerOf(env),
    // What the variables say about this service comes last, and so counts.
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': service, 'service.version': version }))
      .merge(detectResources({ detectors: [serviceNameEnvDetector, resourceAttributesEnvDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...batchOf(env) })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracer = provider.getTracer('headgate', version);

  function start(name: string, { kind = 'internal', attributes, under }: SpanOptions = {}): Span {
    const below = under === undefined ? context.active() : contextOf(under);
    return spanOf(tracer.startSpan(name, { kind: KINDS[kind], ...(attributes && { attributes }) }, below), below);
  }
  return {
    start,
    async around(name, options, work) {
      const span = start(name, options);
      try {
        return await span.within(() => work(span));
      } catch (error) {
        span.fail((error as Error).name);
        throw error;
      } finally {
        span.end();
      }
    },
    failHere: (why) => void trace.getSpan(context.active())?.setStatus({ code: SpanStatusCode.ERROR, message: why }),
    current() {
      const open = trace.getSpan(context.active());
      return open === undefined ? undefined : parentOf(open);
    },
    async stop() {
      await provider.shutdown().catch(said);
    },
  };
}

function spanOf(span: OtSpan, below: Context): Span {
  const own = trace.setSpan(below, span);
  return {
    set: (attributes) => void span.setAttributes(attributes),
    fail: (why) => void span.setStatus({ code: SpanStatusCode.ERROR, message: why }),
    end: () => span.end(),
    parent: parentOf(span),
    within: (work) => context.with(own, work),
  };
}

function parentOf(span: OtSpan): TraceParent {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function contextOf(parent: TraceParent): Context {
  const [, traceId = '', spanId = '', flags = '00'] = parent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

/** OpenTelemetry's variables for batches; what is no whole number is as if it weren't there. */
function batchOf(env: NodeJS.ProcessEnv) {
  const number = (name: string) => (/^\d{1,9}$/.test(env[name] ?? '') ? Number(env[name]) : undefined);
  const given = {
    scheduledDelayMillis: number('OTEL_BSP_SCHEDULE_DELAY'),
    maxQueueSize: number('OTEL_BSP_MAX_QUEUE_SIZE'),
    maxExportBatchSize: number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    exportTimeoutMillis: number('OTEL_BSP_EXPORT_TIMEOUT'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
