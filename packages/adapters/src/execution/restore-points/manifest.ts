import { createHash } from 'node:crypto';
import type { Digest, RestorePoint } from '@headgate/domain';
import { z } from 'zod';
import { CensusForm } from '../census/census-form.ts';

const FileEntry = z.strictObject({
  /** Below the restore point's folder: `data/base/1/1259`. */
  path: z.string(),
  size: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
});
export type FileEntry = z.output<typeof FileEntry>;

export const Manifest = z.strictObject({
  v: z.literal(1),
  id: z.string(),
  store: z.string(),
  rollout: z.string(),
  step: z.string(),
  schemaVersion: z.int().min(0),
  /** When it was complete: the moment that it brings back. Milliseconds. */
  takenAt: z.int(),
  startLsn: z.string(),
  stopLsn: z.string(),
  /** First WAL segment that it needs. */
  startWal: z.string(),
  systemIdentifier: z.string(),
  /** Rows of each table, if they were counted. */
  census: CensusForm.exactOptional(),
  folders: z.array(z.string()),
  files: z.array(FileEntry),
});
export type Manifest = z.output<typeof Manifest>;

/** A manifest's digest is that of its bytes as they stand. */
export function digestOfText(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** What is told about a restore point outside of its folder. */
export function restorePointOf(manifest: Manifest, digest: Digest, verified: boolean): RestorePoint {
  return {
    id: manifest.id,
    store: manifest.store,
    takenAt: manifest.takenAt,
    manifest: digest,
    bytes: manifest.files.reduce((sum, file) => sum + file.size, 0),
    verified,
  };
}
