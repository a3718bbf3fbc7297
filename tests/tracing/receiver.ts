/** A receiver of OpenTelemetry's traces (OTLP over HTTP, as JSON), on loopback. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SpanSeen {
  readonly service: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 5 consumer, as OTLP counts them. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** 2: it failed. */
  readonly status: number;
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number };
}
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly kind: number;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly attributes: readonly Attribute[];
        readonly status: { readonly code?: number };
      }[];
    }[];
  }[];
}

export class Receiver {
  readonly spans: SpanSeen[] = [];
  /** Everything that was sent, as it was sent: what a scan for secrets looks at. */
  text = '';
  url = '';
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.#take(Buffer.concat(chunks).toString('utf8'));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((done) => receiver.#server.listen(0, '127.0.0.1', done));
    receiver.url = `http://127.0.0.1:${(receiver.#server.address() as AddressInfo).port}`;
    return receiver;
  }

  /** What a process is given so that it sends its traces here, soon. */
  get environment(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: this.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #take(text: string): void {
    this.text += text;
    for (const { resource, scopeSpans } of (JSON.parse(text) as Sent).resourceSpans)
      for (const { name, kind, traceId, spanId, parentSpanId = '', attributes, status } of scopeSpans.flatMap(
        (s) => s.spans,
      ))
        this.spans.push({
          service: valuesOf(resource.attributes)['service.name'] ?? '',
          name,
          kind,
          traceId,
          spanId,
          parentSpanId,
          attributes: valuesOf(attributes),
          status: status.code ?? 0,
        });
  }
}

function valuesOf(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue)]));
}
