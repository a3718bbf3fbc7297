import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, RestorePoint } from '@headgate/domain';
import { z } from 'zod';
import { readBack } from '../../machine/copy-tree.ts';
import { CensusForm } from '../census/census-form.ts';

const FileEntry = z.strictObject({
  /** Below the restore point's folder: `dump/toc.dat`, `filestore/4f/4f3a…`. */
  path: z.string(),
  size: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
});

/** What every restore point that is a folder of files says of itself; kinds of stores add what they need to come back. */
export const KeptManifest = z.strictObject({
  v: z.literal(1),
  id: z.string(),
  store: z.string(),
  database: z.string(),
  rollout: z.string(),
  step: z.string(),
  schemaVersion: z.int().min(0),
  takenAt: z.int(),
  /** Of which server, by which tool, and after which place in its WAL; those from before don't say. */
  source: z.strictObject({ server: z.string(), tool: z.string(), lsn: z.string().nullable() }).exactOptional(),
  /** Rows of each table, if they were counted. */
  census: CensusForm.exactOptional(),
  files: z.array(FileEntry),
});
export type KeptManifest = z.output<typeof KeptManifest>;

/** What is told about a restore point outside of its folder. */
export function pointOf(manifest: KeptManifest, digest: Digest, verified: boolean): RestorePoint {
  return {
    id: manifest.id,
    store: manifest.store,
    takenAt: manifest.takenAt,
    manifest: digest,
    bytes: manifest.files.reduce((sum, file) => sum + file.size, 0),
    verified,
  };
}

/** Entries for the files that a tool wrote into a folder, made durable. */
export async function digestTree(dir: string, prefix: string, signal: AbortSignal): Promise<KeptManifest['files']> {
  const files: KeptManifest['files'] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    signal.throwIfAborted();
    const path = join(entry.parentPath, entry.name);
    const file = await open(path, 'r');
    await file.datasync().finally(() => file.close());
    const { mode, uid, gid } = await stat(path);
    const { size, sha256 } = (await readBack(path))!;
    files.push({ path: join(prefix, path.slice(dir.length + 1)), size, sha256, mode: mode & 0o777, uid, gid });
  }
  return files;
}
