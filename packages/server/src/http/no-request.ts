/** What is no HTTP request, or too long a head of one: answered before there is anything to route. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { PROBLEM_MEDIA_TYPE } from '@headgate/contract';
import { problemOf } from './problems.ts';
import { HEADERS } from './security-headers.ts';

/** By Node's code; what isn't listed is no HTTP. */
const KNOWN: Readonly<Record<string, readonly [status: string, code: string, where: string, why: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'too-large',
    'headers',
    'address and headers are too long',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'too-slow', 'request', 'it took too long to arrive'],
};

/** How long the caller may take to read the answer and to hang up itself. Milliseconds. */
const LINGER_MS = 1_000;

/** Answers on the bare socket, and ends it: a caller that doesn't hang up is hung up on. */
export function answerNoRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const [line, code, where, why] = KNOWN[error.code ?? ''] ?? [
    '400 Bad Request',
    'not-http',
    'request',
    'it is no HTTP',
  ];
  const refusal = {
    code,
    what: 'read a request',
    where,
    why,
    unblock: 'send a well-formed request, at once and not so long',
  };
  const body = JSON.stringify(problemOf([refusal], Number(line.slice(0, 3)), '', randomUUID()));
  const headers = {
    ...HEADERS,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // Half of the connection would stay open for as long as the caller likes.
  const over = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(over));
  socket.end(`HTTP/1.1 ${line}\r\n${head.join('')}\r\n${body}`);
}
