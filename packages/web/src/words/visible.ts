/** Words of somebody else's on a page: nothing hidden in them, and digests as short as people compare them. */
export { visible } from '@headgate/contract';

/** A digest's first 12 hexadecimal digits, which is as much as anybody compares. */
export function shortDigest(digest: string): string {
  return digest.slice(7, 19);
}

/** Digests within a text, cut the same way. */
export function withShortDigests(text: string): string {
  return text.replace(/\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b/g, '$1');
}
