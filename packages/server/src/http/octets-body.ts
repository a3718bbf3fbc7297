/** A body of bytes, read into memory: within its bound, and from nobody who keeps others waiting with a byte at a time. */
import type { Readable } from 'node:stream';
import type { Refusal } from '@headgate/domain';

/** So many bytes must come within so long, or it ends; and of a large body this part of it. */
export interface BodyPace {
  readonly bytes: number;
  readonly part: number;
  readonly withinMs: number;
}

/**
 * 13 kB a second. A body of which no 48th comes in 5 s takes twice the time that a request has: it would never be whole, and
 * hold its room until then.
 */
export const BODY_PACE: BodyPace = { bytes: 64 * 1024, part: 1 / 48, withinMs: 5_000 };

/** The body came too slowly; Fastify reads the status. */
export class BodyTooSlow extends Error {
  readonly statusCode = 408;
}

export class BodyTooLarge extends Error {
  readonly statusCode = 413;
}

/** There is no room for more of the body. */
export class BodyRefused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.why);
    this.refusal = refusal;
  }
}

/** How a body is read: what it announces, what is asked for room as bytes come, and how fast they must. */
export interface BodyReading {
  readonly announcedBytes?: number;
  readonly take?: (bytes: number) => Refusal | undefined;
  readonly pace?: BodyPace;
}

/** Reads a body. Throws {@link BodyTooLarge}, {@link BodyTooSlow}, {@link BodyRefused}, and what the stream ends with. */
export function readOctets(
  payload: Readable,
  mostBytes: number,
  { announcedBytes = 0, take = () => undefined, pace = BODY_PACE }: BodyReading = {},
): Promise<Buffer> {
  if (announcedBytes > mostBytes) return Promise.reject(new BodyTooLarge(`${announcedBytes} bytes are announced`));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    let before = 0;
    const timer = setInterval(() => {
      const came = total - before;
      before = total;
      if (came < Math.max(pace.bytes, Math.max(announcedBytes, total) * pace.part))
        end(new BodyTooSlow(`${came} bytes came in ${pace.withinMs} ms`));
    }, pace.withinMs);
    const end = (error?: Error) => {
      clearInterval(timer);
      payload.removeAllListeners('data');
      if (error === undefined) resolve(Buffer.concat(chunks, total));
      else {
        chunks.length = 0;
        payload.pause();
        reject(error);
      }
    };
    payload.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total > mostBytes) end(new BodyTooLarge(`more than ${mostBytes} bytes`));
      else {
        const noRoom = take(chunk.length);
        if (noRoom === undefined) chunks.push(chunk);
        else end(new BodyRefused(noRoom));
      }
    });
    payload.once('end', () => end());
    payload.once('error', end);
    payload.once('close', () => end(new Error('the caller is gone')));
  });
}
