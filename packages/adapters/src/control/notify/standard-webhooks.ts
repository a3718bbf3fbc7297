/** Signatures after Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, one for each secret. */
import { createHmac } from 'node:crypto';

export interface SignedHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/** A secret that can't sign: the message says why and not what it is. */
export class SecretUnfit extends Error {}

/**
 * The headers of one attempt; `timestampMs` is the attempt's, so that receivers can refuse what is old. A secret is
 * base64 of 24 to 64 bytes, with or without `whsec_` before it.
 */
export function signedHeaders(
  id: string,
  timestampMs: number,
  body: string,
  secrets: readonly string[],
): SignedHeaders {
  const seconds = String(Math.floor(timestampMs / 1_000));
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${seconds}.${body}`).digest('base64');
    return `v1,${mac}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures.join(' ') };
}

function keyOf(secret: string): Buffer {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret;
  const key = Buffer.from(text, 'base64');
  const sound = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && key.length >= 24 && key.length <= 64;
  if (!sound) throw new SecretUnfit('a secret of the channel isn’t base64 of 24 to 64 bytes, whsec_ before it or not');
  return key;
}
