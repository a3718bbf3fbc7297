import type { FastifyReply } from 'fastify';

/** An API's answers are data: nothing in them may be run, framed or guessed at. A page that is served brings its own. */
export const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Browsers that came by HTTPS once shall not come otherwise. */
const TLS_ONLY = 'max-age=31536000';

/** Puts the headers on an answer that doesn't bring its own. */
export function secure(reply: FastifyReply, tls: boolean): void {
  for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value);
  if (tls) reply.header('strict-transport-security', TLS_ONLY);
}
