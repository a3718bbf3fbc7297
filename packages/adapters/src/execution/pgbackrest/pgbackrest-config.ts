import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { FolderConfig, S3Config } from '../object-store/object-store-config.ts';

const DAY_MS = 24 * 60 * 60_000;

/** A line of pgBackRest's configuration ends at a line's end, and a value that begins with a space loses it. */
const path = z
  .string()
  .max(4_096)
  .refine(
    (text) => isAbsolute(text) && !/[\p{Cc}]|^\s|\s$/u.test(text),
    'an absolute path, without a control character',
  );

const S3Repository = S3Config.extend({
  endpoint: S3Config.shape.endpoint.refine(
    (text) => text.startsWith('https:'),
    'https://…: pgBackRest speaks nothing else',
  ),
  /** Below which the repository stands in the bucket. */
  prefix: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]*(\/[a-z0-9][a-z0-9_-]*)*$/, 'names with slashes between them, like production/shop')
    .max(200)
    .default('pgbackrest'),
});

/** pgBackRest for one store: its restore points are backups in a repository of its own, its log is archived there. */
export const PgBackRestConfig = z.strictObject({
  /** By which pgBackRest knows the store's cluster in the repository. */
  stanza: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'lower-case letters, digits, hyphens and underscores, at most 63'),
  repository: z.discriminatedUnion('kind', [FolderConfig.extend({ dir: path }), S3Repository]),
  /** 0600. All that lies in the repository is encrypted by it (aes-256-cbc): without it nothing comes back. */
  passphraseFile: path,
  keep: z
    .strictObject({
      /** Full backups; with each goes what was built on it, and the log before it. */
      full: z.int().min(1).max(1_000).default(2),
    })
    .prefault({}),
  /** A restore point is a full backup when the last one is so old, else what changed since. Milliseconds. */
  fullEveryMs: z
    .int()
    .min(60_000)
    .default(7 * DAY_MS),
  /** After so long at the latest a segment of the log goes to the repository, if anything is in it. Milliseconds. */
  logEveryMs: z.int().min(1_000).max(3_600_000).default(30_000),
  /** That copy, compress and encrypt side by side. */
  processes: z.int().min(1).max(64).default(2),
  program: path.default('/usr/bin/pgbackrest'),
});
export type PgBackRestConfig = z.output<typeof PgBackRestConfig>;

/** A repository in words, without a secret. */
export function repositoryText({ stanza, repository }: Pick<PgBackRestConfig, 'stanza' | 'repository'>): string {
  const where =
    repository.kind === 'folder'
      ? `folder ${repository.dir}`
      : `bucket ${repository.bucket} (${repository.prefix}) at ${new URL(repository.endpoint).host}`;
  return `pgBackRest’s repository in ${where}, stanza ${stanza}`;
}
