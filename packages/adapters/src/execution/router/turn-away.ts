import type { Operation } from '@headgate/domain/model/operation';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problem } from './problem.ts';

/**
 * Answers a request of a tenant that is held: 503, and when to come again. A program gets a problem, a person in front of a
 * browser a calm sentence: without script, style or anything else that would have to be fetched from what is held.
 */
export function turnAway(request: FastifyRequest, reply: FastifyReply, retryAfterS: number, readable: boolean): void {
  const title = readable ? 'Read-only for now' : 'Under maintenance';
  const why = `This system is being updated${readable ? ', and can only be read' : ''}.`;
  comeAgain(request, reply, retryAfterS, { title, why });
}

/** Answers a request of an operation that is closed, with the sentence that the application declares for it. */
export function refuseOperation(
  request: FastifyRequest,
  reply: FastifyReply,
  retryAfterS: number,
  { name, says }: Pick<Operation, 'name' | 'says'>,
): void {
  const title = 'Closed for now';
  comeAgain(request, reply, retryAfterS, { title, why: says, more: { operation: name } });
}

interface Words {
  readonly title: string;
  readonly why: string;
  readonly more?: Readonly<Record<string, string>>;
}

function comeAgain(
  request: FastifyRequest,
  reply: FastifyReply,
  retryAfterS: number,
  { title, why, more }: Words,
): void {
  reply.header('retry-after', String(retryAfterS)).header('cache-control', 'no-store').header('vary', 'accept');
  const detail = `${why} Nothing was carried out; please try again in ${retryAfterS} seconds.`;
  if (!wantsHtml(request.headers.accept)) {
    problem(reply, 503, title, detail, more);
    return;
  }
  reply
    .code(503)
    .type('text/html; charset=utf-8')
    .header(
      'content-security-policy',
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .send(pageOf(title, detail));
}

/** Whether HTML is named, and preferred to any JSON that is named too (RFC 9110, 12.5.1). What takes anything is no person. */
export function wantsHtml(accept: string | undefined): boolean {
  let html = 0;
  let json = 0;
  for (const range of (accept ?? '').slice(0, 2_000).toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const given = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const q = given === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(given) ? Number(given) : 0;
    if (type === 'text/html' || type === 'application/xhtml+xml') html = Math.max(html, q);
    else if (/^application\/(.+\+)?json$/.test(type)) json = Math.max(json, q);
  }
  return html > 0 && html >= json;
}

/** Nothing of the request stands in it; an operation’s sentence is whoever’s declared it. */
function pageOf(title: string, detail: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${escaped(detail)}</p>
<p>Load this page again then, with your browser’s own button.</p>
</main>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
