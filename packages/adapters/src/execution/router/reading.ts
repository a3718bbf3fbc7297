import { z } from 'zod';

/** Calls that only read although they are posted: below `under`, with one of these as the path's last part. */
export const ReadingCalls = z.strictObject({
  under: z.string().startsWith('/').max(200),
  calls: z.array(z.string().min(1).max(100)).max(200),
});
export type ReadingCalls = z.output<typeof ReadingCalls>;

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a request asks for nothing to change: by its method, or as one of the calls that are known to read. What isn't
 * known counts as writing, and so does what may be taken for another method that writes. `methods`: its own first, then those that
 * its headers and its query name.
 */
export function onlyReads(known: readonly ReadingCalls[], methods: readonly string[], target: string): boolean {
  const [method = '', ...named] = methods;
  if (!named.every((each) => SAFE.has(each))) return false;
  if (SAFE.has(method)) return true;
  if (method !== 'POST') return false;
  const path = target.split('?', 1)[0] as string;
  const last = path.slice(path.lastIndexOf('/') + 1);
  return known.some(({ under, calls }) => path.startsWith(under) && calls.includes(last));
}
