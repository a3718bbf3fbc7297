import { randomBytes } from 'node:crypto';

/** An unguessable id with its prefix: `prm_…`, 20 random characters of a-z and 2-7. */
export function newId(prefix: string): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return `${prefix}_${[...randomBytes(20)].map((byte) => alphabet[byte % 32]).join('')}`;
}
