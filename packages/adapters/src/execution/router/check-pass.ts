import { createHash, timingSafeEqual } from 'node:crypto';

/** The header by which our own checks reach a tenant that is held. Never passed on to the application. */
export const CHECK_HEADER = 'x-headgate-check';

/** What the header must say: known to whoever holds the router's admin token, and of no use for its admin API. */
export function checkPass(adminToken: string): string {
  return createHash('sha256').update(`check\n${adminToken}`).digest('base64url');
}

/** Whether a header opens a held tenant's door. Takes the same time whatever was sent. */
export function passes(expected: string, offered: string | string[] | undefined): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(typeof offered === 'string' ? offered : ''), digest(expected));
}
