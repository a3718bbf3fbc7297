import { isIPv4 } from 'node:net';
import { isAbsolute } from 'node:path';
import { z } from 'zod';

const path = z.string().max(4_096).refine(isAbsolute, 'an absolute path');
export const SecretSource = z.union(
  [z.strictObject({ variable: z.string().regex(/^[A-Z_][A-Z0-9_]{0,127}$/) }), z.strictObject({ file: path })],
  'where the secret is: {variable: NAME} of our environment, or {file: /path} of mode 0600',
);
/** A secret by reference: it never stands in a configuration. */
export type SecretSource = z.output<typeof SecretSource>;

export const FolderConfig = z.strictObject({
  kind: z.literal('folder'),
  /** On another disk, or of another machine. It has to be there: it is never made. */
  dir: path,
});

export const S3Config = z.strictObject({
  kind: z.literal('s3'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .refine(isSafeEndpoint, 'https://…, or http:// to this machine alone; without user, path or query'),
  region: z.string().min(1).max(100).default('us-east-1'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket'),
  accessKeyId: SecretSource,
  secretAccessKey: SecretSource,
  /** Whether the bucket stands in the path (most stores that aren't Amazon's) or in the host's name. */
  pathStyle: z.boolean().default(true),
  /** PEM file of the authority that signed the endpoint's certificate, where the system doesn't know it. */
  authorityFile: path.optional(),
});
export type S3Config = z.output<typeof S3Config>;

export const ObjectStoreConfig = z.discriminatedUnion('kind', [FolderConfig, S3Config]);
export type ObjectStoreConfig = z.output<typeof ObjectStoreConfig>;

/** What is sent to S3 is encrypted already, but who asks for what isn't, and an answer could be anybody's: TLS, except here. */
function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text);
  if (username + password + search + hash !== '' || pathname !== '/') return false;
  if (protocol === 'https:') return true;
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}
