/** The page in the browser: its index for every address that is the client's own, and its files. GET and HEAD alone. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { type Opened, openBundle } from './bundle.ts';

/** Addresses of the client, which all get the index; it shows its own page for one that it doesn't know. */
const ADDRESSES = [
  '/',
  '/incident',
  '/promotions',
  '/promotions/:id',
  '/cells/:name',
  '/releases',
  '/freezes',
  '/log',
] as const;

const YEAR_S = 31_536_000;

/** Answers a browser that lost its way; false: it wasn't one, and nothing was answered. */
export type AnswerLost = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/** Adds the page's routes. `open` is called once, when somebody first asks for the page. */
export function addPage(app: FastifyInstance, log: Logger, open: () => Promise<Opened> = openBundle): AnswerLost {
  let opening: Promise<Opened> | undefined;
  const opened = () => {
    opening ??= open().then((result) => {
      if (!result.ok) log.warn({ why: result.why }, 'there is no page to serve');
      else if (result.warning !== undefined)
        log.warn({ why: result.warning }, 'the page that is served is an older one');
      return result;
    });
    return opening;
  };

  const index = async (reply: FastifyReply): Promise<FastifyReply> => {
    const nonce = randomBytes(16).toString('base64');
    headers(reply, nonce);
    const result = await opened();
    if (result.ok) return reply.send(result.bundle.index.replaceAll('{{nonce}}', nonce));
    return reply.code(503).send(ABSENT);
  };
  for (const url of ADDRESSES) app.get(url, (_request, reply) => index(reply));

  app.get('/assets/:file', async (request, reply) => {
    const { file } = request.params as { file: string };
    const result = await opened();
    const asset = result.ok ? result.bundle.assets.get(file) : undefined;
    if (asset === undefined) return reply.callNotFound();
    headers(reply);
    reply
      .type(asset.type)
      .header('cache-control', `public, max-age=${YEAR_S}, immutable`)
      .header('vary', 'accept-encoding');
    if (!takesGzip(request)) return reply.send(asset.bytes);
    return reply.header('content-encoding', 'gzip').send(asset.gzipped);
  });

  return async (request, reply) => {
    if (!isBrowser(request) || /^\/(v1|assets)(\/|\?|$)/.test(request.url)) return false;
    await index(reply.code(404));
    return true;
  };
}

/** Only who navigates asks for HTML by name; `curl` and clients of the API take anything, or JSON. */
function isBrowser({ method, headers: { accept } }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && String(accept ?? '').includes('text/html');
}

function takesGzip({ headers: { 'accept-encoding': encodings } }: FastifyRequest): boolean {
  return /(^|[\s,])gzip(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(String(encodings ?? ''));
}

/**
 * What the browser may do with the page: nothing that doesn't come from here. Mantine puts its variables and its
 * responsive rules into `<style>` elements, so these carry a nonce; inline scripts, eval, style attributes in markup,
 * frames, forms and other hosts are refused.
 */
function headers(reply: FastifyReply, nonce?: string): void {
  const styles = nonce === undefined ? "'self'" : `'self' 'nonce-${nonce}'`;
  reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      [
        "default-src 'none'",
        "script-src 'self'",
        `style-src ${styles}`,
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
    )
    .header('x-frame-options', 'DENY')
    .header('referrer-policy', 'no-referrer')
    .header('permissions-policy', 'camera=(), geolocation=(), microphone=()')
    .header('cross-origin-opener-policy', 'same-origin')
    .header('cross-origin-resource-policy', 'same-origin');
}

const ABSENT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Headgate</title></head>
<body><h1>Headgate answers, but its page isn’t here</h1>
<p>The API and the command line work as ever. The page’s files could not be built or found: the server’s log says why.
<code>node packages/web/src/build/main.ts</code> in the source tree builds them; then start the server again.</p>
</body></html>
`;
