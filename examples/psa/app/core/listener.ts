import http from 'node:http';
import net from 'node:net';
import type { Answer } from './idempotency.ts';
import { badRequest, Problem } from './problem.ts';

const MAX_BODY_BYTES = 64 * 1024;
/** How long connections that a proxy keeps open are still served after SIGTERM, so that no request meets a closed door. */
const LINGER_MS = 1_500;
const DRAIN_LIMIT_MS = 4_500;

export interface Listener {
  readonly port: number;
  /** Stops accepting, finishes what is in flight, then resolves; within 4.5 s. */
  drain(): Promise<void>;
}

/** Serves `answer` as JSON over HTTP, with the given headers on every response. Problems are RFC 9457 problem JSON. */
export async function listen(
  place: { readonly host: string; readonly port: number },
  headers: Readonly<Record<string, string>>,
  answer: (request: http.IncomingMessage, url: URL, body: unknown) => Promise<Answer>,
): Promise<Listener> {
  let draining = false;
  const server = http.createServer((request, response) => {
    void respond(request).then(({ status, body }) => {
      const problem = status >= 400;
      const payload = Buffer.from(JSON.stringify(body));
      response.writeHead(status, {
        ...headers,
        'content-type': problem ? 'application/problem+json' : 'application/json',
        'content-length': payload.length,
        ...(draining ? { connection: 'close' } : {}),
      });
      response.end(payload);
    });
  });

  const respond = async (request: http.IncomingMessage): Promise<Answer> => {
    try {
      const body = await readJson(request);
      const url = new URL(request.url ?? '/', 'http://localhost');
      return await answer(request, url, body);
    } catch (error) {
      if (error instanceof Problem) return problemAnswer(error);
      console.error(JSON.stringify({ level: 'error', at: new Date().toISOString(), message: String(error) }));
      return problemAnswer(new Problem(500, 'Internal error', 'the request could not be carried out'));
    }
  };

  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 66_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.port, place.host, () => resolve());
  });

  return {
    port: (server.address() as net.AddressInfo).port,
    async drain() {
      draining = true;
      // http.Server's own close() also drops idle kept-alive connections at once, and with them the request that the
      // proxy is just sending over one. So only the door is closed here, and idle connections get a moment.
      const closed = new Promise<void>((resolve) => net.Server.prototype.close.call(server, () => resolve()));
      const idle = setTimeout(() => server.closeIdleConnections(), LINGER_MS);
      const again = setInterval(() => Date.now() > started + LINGER_MS && server.closeIdleConnections(), 100);
      const started = Date.now();
      const limit = setTimeout(() => server.closeAllConnections(), DRAIN_LIMIT_MS);
      await closed;
      clearTimeout(idle);
      clearTimeout(limit);
      clearInterval(again);
    },
  };
}

function problemAnswer(problem: Problem): Answer {
  return {
    status: problem.status,
    body: { type: 'about:blank', title: problem.title, status: problem.status, detail: problem.message },
  };
}

async function readJson(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Problem(413, 'Too large', `a body may have ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return request.method === 'POST' ? {} : undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badRequest('the body is not valid JSON');
  }
}
