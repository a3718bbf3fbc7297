import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether two secrets are equal, in a time that tells nothing about where they differ. */
export function sameSecret(left: string, right: string): boolean {
  return timingSafeEqual(sha256(left), sha256(right));
}

/** The bearer token of an Authorization header, or the empty text. */
export function bearerToken(header: string | undefined): string {
  return header?.startsWith('Bearer ') ? header.slice('Bearer '.length).trim() : '';
}

/** Reads the tenants' tokens, a JSON object of tenant to token, and answers whether a token is a tenant's. */
export function openTokens(file: string): (tenant: string, token: string) => boolean {
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as unknown;
  if (typeof parsed !== 'object' || parsed === null)
    throw new Error('the tokens file must hold a JSON object of tenant to token');
  const tokens = new Map(Object.entries(parsed as Record<string, string>));
  return (tenant, token) => {
    const expected = tokens.get(tenant);
    // An unknown tenant takes the same time as a known one with a wrong token.
    const same = sameSecret(expected ?? 'no such tenant', token);
    return expected !== undefined && same;
  };
}
