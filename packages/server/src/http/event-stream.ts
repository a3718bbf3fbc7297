import { once } from 'node:events';
import type { Result } from '@headgate/control';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ownerOf, tokenOf } from './auth.ts';
import type { Context } from './context.ts';
import { HEADERS } from './security-headers.ts';

const PAGE = 200;
/** Entries that another server placed are seen by looking. Milliseconds. */
const LOOK_MS = 300;
/** How often an idle stream shows that it lives, and its token is checked again, as before every entry. Milliseconds. */
const BEAT_MS = 10_000;

/** Sends log entries as server-sent events from a place on, until the caller goes, the token dies or the server stops. */
export async function streamEvents(
  context: Context,
  reply: FastifyReply,
  from: number,
  signal: AbortSignal,
  request: FastifyRequest,
): Promise<Result<never> | undefined> {
  reply.hijack();
  const { raw } = reply;
  try {
    raw.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    // HEAD asks for what GET's head would be, and there is no end to wait for (RFC 9110, 9.3.2).
    if (request.method === 'HEAD') return undefined;
    raw.write(': headgate\n\n');
    let place = from;
    let beatAt = performance.now() + BEAT_MS;
    while (!signal.aborted) {
      const woken = context.placed.wait(LOOK_MS, signal);
      // While the database is away the stream stays open: it goes on where it stood.
      const entries = await context.log.entries(place, PAGE).catch(() => []);
      // Nothing goes to a token that was revoked meanwhile.
      if (entries.length > 0 || performance.now() >= beatAt) {
        const stillThere = await ownerOf(context.deps, tokenOf(request)).catch(() => request.principal);
        if (stillThere === undefined) break;
      }
      for (const entry of entries) {
        const text = Buffer.from(entry.bytes).toString('utf8');
        const { type } = JSON.parse(text) as { type: string };
        if (!raw.write(`id: ${entry.place}\nevent: ${type}\ndata: ${text}\n\n`)) await drained(raw, signal);
        place = entry.place + 1;
      }
      if (performance.now() >= beatAt) {
        beatAt = performance.now() + BEAT_MS;
        raw.write(': beat\n\n');
      }
      if (entries.length < PAGE) await woken;
    }
  } catch (error) {
    if (!signal.aborted) context.logger.warn({ err: error, request: request.id }, 'an event stream broke');
  } finally {
    raw.end();
  }
  return undefined;
}

async function drained(raw: FastifyReply['raw'], signal: AbortSignal): Promise<void> {
  await once(raw, 'drain', { signal }).catch(() => {});
}
