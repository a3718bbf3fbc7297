import { BACKUP_ID } from '@headgate/documents';
import type { GitPromise, StatePromise } from '@headgate/domain';
import { z } from 'zod';
import { FileEntry } from '../vault/point-contents.ts';
import { MOST_REFS } from './git-repository.ts';

const count = z.int().min(0);
const oid = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const ref = z.string().regex(/^refs\/[^\s]{1,4000}$/);

const git = z.strictObject({
  kind: z.literal('git'),
  head: ref.exactOptional(),
  refs: z
    .array(z.strictObject({ name: ref, oid }))
    .max(MOST_REFS)
    .readonly(),
  commits: count,
  newest: z.strictObject({ oid, tree: oid, files: count }).exactOptional(),
}) satisfies z.ZodType<GitPromise>;

const terraform = z.strictObject({
  kind: z.literal('terraform'),
  version: count,
  writtenBy: z.string().max(100),
  lineage: z.string().max(200),
  serial: count,
  resources: z.record(z.string().max(300), count),
}) satisfies z.ZodType<StatePromise>;

/** A backup's own manifest: what it promises, and its files. It lies in the vault encrypted. */
export const BackupContents = z.strictObject({
  v: z.literal(1),
  id: z.string().regex(BACKUP_ID),
  agent: z.string().max(200),
  backup: z.string().max(200),
  /** What was backed up, in words. */
  source: z.string().max(3_000),
  takenAt: count,
  promise: z.discriminatedUnion('kind', [git, terraform]),
  files: z.array(FileEntry).max(10),
});
export type BackupContents = z.output<typeof BackupContents>;
export type BackupPromise = BackupContents['promise'];
