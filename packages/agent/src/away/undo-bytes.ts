import type { Action, CellPlan, Digest } from '@headgate/domain';
import type { BlobCache } from '../artifacts/blob-cache.ts';
import type { Releases } from '../artifacts/releases.ts';

/** What going back in a cell needs, and looking at it meanwhile: by digest. */
export interface UndoBytes {
  readonly blobs: ReadonlySet<Digest>;
  /** Their manifests, seals, and files. */
  readonly releases: ReadonlySet<Digest>;
}

/** Of all steps of a cell's plan, whether they were begun or not: what a later one needs must be there before the server goes. */
export function undoBytesOf(cell: CellPlan, release: Digest): UndoBytes {
  const blobs = new Set<Digest>();
  const releases = new Set<Digest>();
  const undone = cell.steps.flatMap(({ undo }) => (undo.kind === 'act' ? [undo.action] : []));
  const looks = cell.steps.map(({ action }) => action).filter(({ kind }) => kind === 'verify' || kind === 'soak');
  for (const action of [...undone, ...looks, ...cell.recovery.map((step) => step.action)]) add(action);
  return { blobs, releases };

  function add(action: Action): void {
    switch (action.kind) {
      case 'verify':
      case 'soak':
        blobs.add(action.verification.digest);
        return;
      case 'reconcile':
        blobs.add(action.reconciliation.digest);
        return;
      case 'deploy':
        releases.add(action.release.digest);
        return;
      case 'migrate':
      case 'unmigrate':
        for (const { file } of action.migrations) blobs.add(file.digest);
        releases.add(release);
        return;
      case 'restore':
        releases.add(release);
        return;
    }
  }
}

/** Fetches what isn't here yet. Throws when the server is away. */
export async function fetchUndoBytes(
  { blobs, releases }: UndoBytes,
  from: { readonly blobs: Pick<BlobCache, 'get'>; readonly releases: Pick<Releases, 'open'> },
  signal: AbortSignal,
): Promise<void> {
  for (const digest of releases) {
    const opened = await from.releases.open(digest, signal);
    if (!opened.ok) continue;
    for (const { files } of opened.release.manifest.components)
      for (const file of files) await from.blobs.get(file.digest, signal);
  }
  for (const digest of blobs) await from.blobs.get(digest, signal);
}
