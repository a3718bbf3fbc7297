import { posix } from 'node:path';
import { MAX_PARTS } from '@headgate/documents';
import { z } from 'zod';
import { CensusForm } from '../census/census-form.ts';

export const FileEntry = z.object({
  path: z.string().max(4_096).refine(isPlainPath, 'a plain path below the restore point'),
  size: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ContentFile = z.output<typeof FileEntry>;

/** What the manifests of all kinds of restore points have in common; each kind reads the rest of its own. */
export const PointContents = z.object({
  id: z.string(),
  store: z.string(),
  rollout: z.string(),
  step: z.string(),
  schemaVersion: z.int().min(0),
  takenAt: z.int(),
  startLsn: z.string().optional(),
  stopLsn: z.string().optional(),
  startWal: z.string().optional(),
  systemIdentifier: z.string().optional(),
  source: z.object({ server: z.string(), tool: z.string(), lsn: z.string().nullable() }).optional(),
  census: CensusForm.optional(),
  files: z.array(FileEntry),
});
export type PointContents = z.output<typeof PointContents>;

export type PartKind = 'database' | 'files';

/** A part of the content of its kind: of all its files, one after the other. Bytes. */
export interface PlannedPart {
  readonly name: string;
  readonly kind: PartKind;
  readonly size: number;
}

/** Of which kind a file is: folders of files lie in folders of their own in every kind of restore point. */
export function kindOf(path: string): PartKind {
  return /^(files|filestore)\//.test(path) ? 'files' : 'database';
}

export function filesOfKind(
  contents: { readonly files: readonly ContentFile[] },
  kind: PartKind,
): readonly ContentFile[] {
  return contents.files.filter((file) => kindOf(file.path) === kind);
}

/** Cuts the content of both kinds into parts of that size, of a larger one where there would be too many. The database first. */
export function partsOf(
  contents: { readonly files: readonly ContentFile[] },
  partBytes: number,
): readonly PlannedPart[] {
  const total = contents.files.reduce((sum, file) => sum + file.size, 0);
  const size = Math.max(partBytes, Math.ceil(total / (MAX_PARTS - 2)));
  return (['database', 'files'] as const).flatMap((kind) => {
    const bytes = filesOfKind(contents, kind).reduce((sum, file) => sum + file.size, 0);
    return Array.from({ length: Math.ceil(bytes / size) }, (_, i) => ({
      name: `${kind}-${String(i + 1).padStart(5, '0')}`,
      kind,
      size: Math.min(size, bytes - i * size),
    }));
  });
}

/** It comes from outside and becomes a path: below the folder, and spelled one way only. */
function isPlainPath(path: string): boolean {
  return (
    path !== '' &&
    !path.includes('\0') &&
    !path.startsWith('/') &&
    !/(^|\/)\.{0,2}(\/|$)/.test(path) &&
    posix.normalize(path) === path
  );
}
