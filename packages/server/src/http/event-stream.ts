import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { NewerRow, type Result } from '@headgate/control';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ownerOf, tokenOf } from './auth.ts';
import type { Context } from './context.ts';
import { HEADERS } from './security-headers.ts';

const PAGE = 200;
/** Bytes of entries that wait for a slow caller, but for the last of them. */
const PAGE_BYTES = 256 * 1024;
/** Entries that another server placed are seen by looking. Milliseconds. */
const LOOK_MS = 300;
/** How often an idle stream shows that it lives, and its token is checked again, as before every page. Milliseconds. */
const BEAT_MS = 10_000;
/** How long a caller may take nothing of what was sent to it. Milliseconds. */
const IDLE_MS = 60_000;
/** How long what was sent may take to arrive when a stream has ended. Milliseconds. */
const LINGER_MS = 5_000;

/**
 * Sends log entries as server-sent events from a place on, until the caller goes, the token dies or the server stops. `shown`:
 * the streams whose entries the caller may see.
 */
export async function streamEvents(
  context: Context,
  reply: FastifyReply,
  from: number,
  signal: AbortSignal,
  request: FastifyRequest,
  shown: (stream: string) => boolean,
): Promise<Result<never> | undefined> {
  reply.hijack();
  const { raw } = reply;
  // While the database is away the stream stays open: it goes on where it stood. Whose the token is, if a newer Headgate says
  // so, isn't known here.
  const unless = (error: unknown) => (error instanceof NewerRow ? undefined : request);
  const admitted = async () => (await ownerOf(context.deps, tokenOf(request)).catch(unless)) !== undefined;
  try {
    raw.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    // HEAD asks for what GET's head would be, and there is no end to wait for (RFC 9110, 9.3.2).
    if (request.method === 'HEAD') return undefined;
    raw.write(': headgate\n\n');
    let place = from;
    let beatAt = performance.now() + BEAT_MS;
    while (!signal.aborted) {
      const woken = context.placed.wait(LOOK_MS, signal);
      const entries = await context.log.entries(place, PAGE, PAGE_BYTES).catch(() => []);
      // Nothing goes to a token that was revoked meanwhile.
      if ((entries.length > 0 || performance.now() >= beatAt) && !(await admitted())) break;
      for (const entry of entries) {
        const text = Buffer.from(entry.bytes).toString('utf8');
        const { type, stream } = JSON.parse(text) as { type: string; stream: string };
        place = entry.place + 1;
        if (!shown(stream)) continue;
        const taken = raw.write(`id: ${entry.place}\nevent: ${type}\ndata: ${text}\n\n`);
        if (!taken && !(await drained(raw, signal, admitted))) return undefined;
      }
      if (performance.now() >= beatAt) {
        beatAt = performance.now() + BEAT_MS;
        raw.write(': beat\n\n');
      }
      if (entries.length === 0) await woken;
    }
  } catch (error) {
    if (!signal.aborted) context.logger.warn({ err: error, request: request.id }, 'an event stream broke');
  } finally {
    raw.end();
    // Whoever doesn't read would keep its place for ever.
    const over = setTimeout(() => raw.destroy(), LINGER_MS);
    raw.once('close', () => clearTimeout(over));
  }
  return undefined;
}

/**
 * Waits until a caller has taken what was sent to it. False when it took nothing for too long, its token has ended or it is
 * gone: it gets nothing more.
 */
export async function drained(
  raw: Writable,
  signal: AbortSignal,
  admitted: () => Promise<boolean>,
  { idleMs = IDLE_MS, beatMs = BEAT_MS } = {},
): Promise<boolean> {
  const until = performance.now() + idleMs;
  while (raw.writableNeedDrain && !signal.aborted) {
    await once(raw, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(beatMs)]) }).catch(() => {});
    if (!raw.writableNeedDrain) break;
    if (performance.now() >= until || !(await admitted())) return false;
  }
  return !raw.destroyed && !signal.aborted;
}
