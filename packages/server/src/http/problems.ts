/** Refusals as RFC 9457 problems, and what the framework throws as refusals. */
import { PROBLEM_MEDIA_TYPE, type Problem } from '@headgate/contract';
import { EntryRefused } from '@headgate/control';
import { NotCanonical } from '@headgate/documents/canonical';
import type { Refusal } from '@headgate/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BodyMalformed } from './json-body.ts';
import { BodyRefused } from './octets-body.ts';

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is malformed',
  401: 'No valid token',
  403: 'Not permitted',
  404: 'Not found',
  409: 'Not as things stand',
  408: 'Too slow',
  413: 'Too large',
  415: 'Unknown media type',
  422: 'What was sent is not valid',
  429: 'Too many requests',
  431: 'Too long an address, or too many headers',
  500: 'A fault of the server',
  503: 'Not available now',
};

/** By the refusal's code; what isn't listed is a conflict with how things stand. */
const STATUS: Readonly<Record<string, number>> = {
  'not-permitted': 403,
  'not-yours': 403,
  'author-approves': 403,
  'requester-approves': 403,
  'not-the-approver': 403,
  'not-found': 404,
  'no-token': 401,
  'not-json': 400,
  malformed: 422,
  'too-large': 413,
  'too-slow': 408,
  'media-type': 415,
  'digest-differs': 422,
  'bundle-too-large': 422,
  'bundle-malformed': 422,
  'key-unknown': 422,
  'key-not-allowed': 422,
  'signature-invalid': 422,
  'statement-malformed': 422,
  'wrong-predicate': 422,
  'wrong-subject': 422,
  'manifest-too-large': 422,
  'manifest-malformed': 422,
  'predicate-malformed': 422,
  'evidence-format': 422,
  'evidence-malformed': 422,
  'drill-malformed': 422,
  'approval-malformed': 422,
  'approval-not-own': 422,
  'document-malformed': 422,
  'entry-too-large': 422,
  'entry-malformed': 422,
  'too-many-requests': 429,
  unavailable: 503,
  'newer-row': 503,
  'too-busy': 503,
  fault: 500,
};

export function statusOf(refusals: readonly Refusal[]): number {
  return STATUS[refusals[0]?.code ?? 'fault'] ?? 409;
}

/** The problem that refusals make. `instance`: the request's path. */
export function problemOf(refusals: readonly Refusal[], status: number, instance: string, requestId: string): Problem {
  const first = refusals[0];
  return {
    type: `/problems/${first?.code ?? 'fault'}`,
    title: TITLES[status] ?? 'Refused',
    status,
    detail: first === undefined ? '' : `${first.what}: ${first.why}`,
    instance: instance.slice(0, 300),
    requestId,
    refusals: refusals.map(({ code, what, where, why, unblock }) => ({ code, what, where, why, unblock })),
  };
}

/** Answers with a problem. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, refusals: readonly Refusal[]): FastifyReply {
  const status = statusOf(refusals);
  const problem = problemOf(refusals, status, request.url.split('?')[0] ?? '', request.id);
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="headgate"');
  if (status === 503 || (status === 429 && !reply.hasHeader('retry-after'))) reply.header('retry-after', '1');
  return reply.code(status).header('content-type', PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}

/** What the framework refused before a handler saw it; undefined for a fault of ours. */
export function refusalOfFramework(error: unknown, request: FastifyRequest): Refusal | undefined {
  // What was sent would stand in an entry that can't be: too large, or nothing that JSON can say. Nothing was changed.
  if (error instanceof EntryRefused || error instanceof BodyRefused) return error.refusal;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const what = `${request.method} ${request.routeOptions.url ?? request.url.split('?')[0]}`;
  const where = 'body';
  if (statusCode === 413)
    return {
      code: 'too-large',
      what,
      where,
      why: `the body is larger than ${request.routeOptions.bodyLimit} bytes`,
      unblock: 'send less; large files go up as blobs, one by one',
    };
  if (statusCode === 408)
    return {
      code: 'too-slow',
      what,
      where,
      why: error instanceof Error ? error.message : '',
      unblock: 'send it at once',
    };
  if (statusCode === 415)
    return {
      code: 'media-type',
      what,
      where: 'content-type',
      why: 'this media type is not taken here',
      unblock: 'send application/json, or application/octet-stream for blobs',
    };
  if (error instanceof BodyMalformed)
    return {
      code: 'not-json',
      what,
      where: error.where,
      why: error.message,
      unblock: 'send well-formed JSON in UTF-8',
    };
  if (error instanceof NotCanonical)
    return {
      code: 'malformed',
      what,
      where: `body${error.pointer}`.slice(0, 300),
      why: 'it holds what canonical JSON cannot say: half a character, or nesting that is too deep',
      unblock: 'send well-formed Unicode, less deep',
    };
  if (statusCode === 400 || code?.startsWith('FST_ERR_CTP') || error instanceof SyntaxError)
    return { code: 'not-json', what, where, why: 'the body is not well-formed JSON', unblock: 'send a JSON object' };
  return undefined;
}
