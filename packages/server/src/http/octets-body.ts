/** A body of bytes, read into memory: within its bound, and from nobody who keeps others waiting with a byte at a time. */
import type { Readable } from 'node:stream';

/** So many bytes must come within so long, or it ends. */
export interface UploadPace {
  readonly bytes: number;
  readonly withinMs: number;
}

/** 13 kB a second: a line that is slower takes an hour for the largest blob, and the request's own time is over long before. */
export const UPLOAD_PACE: UploadPace = { bytes: 64 * 1024, withinMs: 5_000 };

/** The body came too slowly; Fastify reads the status. */
export class BodyTooSlow extends Error {
  readonly statusCode = 408;
}

export class BodyTooLarge extends Error {
  readonly statusCode = 413;
}

/** Reads a body. Throws {@link BodyTooLarge}, {@link BodyTooSlow}, and what the stream ends with. */
export function readOctets(
  payload: Readable,
  mostBytes: number,
  { announcedBytes = 0, pace = UPLOAD_PACE } = {},
): Promise<Buffer> {
  if (announcedBytes > mostBytes) return Promise.reject(new BodyTooLarge(`${announcedBytes} bytes are announced`));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    let before = 0;
    const timer = setInterval(() => {
      const came = total - before;
      before = total;
      if (came < pace.bytes) end(new BodyTooSlow(`${came} bytes came in ${pace.withinMs} ms`));
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
      else chunks.push(chunk);
    });
    payload.once('end', () => end());
    payload.once('error', end);
    payload.once('close', () => end(new Error('the caller is gone')));
  });
}
