/** One POST to a judged address: no redirect is followed, and of the answer only its beginning is read. */
import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Attempted } from '@headgate/domain';
import { type Allowed, allowedAddresses, pinned, TargetRefused } from './guard.ts';

/** From the name's resolution to the answer's end. Milliseconds. */
export const POST_MS = 10_000;
const MOST_ANSWER_BYTES = 4_096;
/** The longest that a receiver may make us wait by Retry-After. Milliseconds. */
const MOST_RETRY_AFTER_MS = 3_600_000;

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How the target is named in words; a chat's URL is a secret. */
  readonly shown: string;
  readonly at: number;
}

/** Posts once. Throws {@link TargetRefused}, and whatever the network throws. */
export async function post(posting: Posting, allowed: Allowed, stop: AbortSignal): Promise<Attempted> {
  const url = new URL(posting.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const tls = url.protocol === 'https:';
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  if (!tls && !allowed.target(host, port))
    throw new TargetRefused(
      `${posting.shown} is plain http, and the server's configuration doesn't allow it (--notify-allow)`,
    );
  const signal = AbortSignal.any([stop, AbortSignal.timeout(POST_MS)]);
  const addresses = await allowedAddresses(host, port, allowed);
  const body = Buffer.from(posting.body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (tls ? requestTls : requestPlain)(
      url,
      {
        method: 'POST',
        headers: { ...posting.headers, 'content-length': String(body.length), 'user-agent': 'headgate' },
        lookup: pinned(addresses),
        agent: false,
        signal,
        maxHeaderSize: 16_384,
      },
      resolve,
    );
    request.on('error', reject);
    request.end(body);
  });
  await drained(response);
  return outcomeOf(response, posting);
}

async function drained(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_ANSWER_BYTES) break;
  }
  response.destroy();
}

function outcomeOf(response: IncomingMessage, { shown, at }: Posting): Attempted {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const why = `${shown} answered ${status}`;
  // 410: the receiver wants nothing from here any more (Standard Webhooks).
  if (status === 410) return { kind: 'refused', why };
  if (status >= 300 && status < 400) return { kind: 'failed', why: `${why}: redirects aren't followed` };
  const seconds = Number(response.headers['retry-after']);
  if (!(status === 429 || status === 503) || !(seconds > 0)) return { kind: 'failed', why };
  return { kind: 'failed', why, notBefore: at + Math.min(seconds * 1_000, MOST_RETRY_AFTER_MS) };
}
