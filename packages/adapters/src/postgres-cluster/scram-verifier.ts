import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const ITERATIONS = 4096;

/** Whether what PostgreSQL keeps of a password can be made here: others are prepared in ways of their own first. */
export function fitsVerifier(password: string): boolean {
  return /^[\x21-\x7e]{8,}$/.test(password);
}

/** What PostgreSQL keeps of a password (SCRAM-SHA-256, RFC 5803), so that no server log ever sees the password itself. */
export function scramVerifier(password: string): string {
  if (!fitsVerifier(password)) throw new TypeError('a password must have 8 or more printable ASCII characters');
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`;
}
