import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Answers with an RFC 9457 problem, `more` being members of its own kind. */
export function problem(
  reply: FastifyReply,
  status: number,
  title: string,
  detail: string,
  more: Readonly<Record<string, string>> = {},
): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status, detail, ...more }));
}

/** Makes the framework's own errors (a body that is too large, a bad URL) problems too. Faults of ours say nothing of their inside. */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return problem(
      reply,
      status,
      status < 500 ? error.message : 'Router error',
      status < 500 ? error.message : 'The router failed; the request may or may not have been carried out.',
    );
  });
  app.setNotFoundHandler((request, reply) =>
    problem(
      reply,
      404,
      'Not found',
      `Nothing is routed at ${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200)}.`,
    ),
  );
}

/** Answers what can't even be read as a request with a problem, and closes its connection. */
export function answerUnreadable(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, title] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'Request Timeout']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'Request Header Fields Too Large']
        : [400, 'Bad Request'];
  closeWithProblem(socket, { status, title, detail: 'The request was not carried out.' });
}

/** Answers with a problem where there is only a connection, and closes that. Its text is ours alone: nothing of a request. */
export function closeWithProblem(socket: Duplex, { status, title, detail, retryAfterS }: RawProblem): void {
  const body = JSON.stringify({ type: 'about:blank', title, status, detail });
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(retryAfterS === undefined ? [] : [`retry-after: ${retryAfterS}`]),
    'cache-control: no-store',
    'connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

export interface RawProblem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** When to come again. Seconds. */
  readonly retryAfterS?: number;
}
