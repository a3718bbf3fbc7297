import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestorePoint } from '@headgate/domain';
import type { UnreadableRestorePoint } from '@headgate/execution';
import { readIfThere } from '../../machine/durable-file.ts';
import type { BackedStore } from './backed-store.ts';
import { digestOfText, Manifest, restorePointOf } from './manifest.ts';

export interface ReadRestorePoint {
  readonly point: RestorePoint;
  readonly manifest: Manifest;
}

/** Reads the manifests of a store's restore points, newest first, and says what is wrong with those that can't be read. */
export async function readAll(
  backed: BackedStore,
): Promise<{ readonly kept: ReadRestorePoint[]; readonly unreadable: UnreadableRestorePoint[] }> {
  const names = await readdir(backed.restorePointsDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const kept: ReadRestorePoint[] = [];
  const unreadable: UnreadableRestorePoint[] = [];
  // An id begins with the time at which it was taken.
  for (const id of names
    .filter((each) => /^rp-[0-9a-z-]+$/.test(each))
    .toSorted()
    .reverse()) {
    const dir = join(backed.restorePointsDir, id);
    const reported = await reportedOf(dir);
    const read = await readManifest(dir, id, backed.name, reported.digest);
    if (typeof read === 'string') {
      unreadable.push({ id, rollout: reported.rollout, why: read });
      continue;
    }
    const verified = (await stat(`${dir}.verified`).catch(() => undefined)) !== undefined;
    kept.push({ manifest: read, point: restorePointOf(read, reported.digest!, verified) });
  }
  return { kept: kept.sort((a, b) => b.manifest.takenAt - a.manifest.takenAt), unreadable };
}

/** What was told about a restore point when it was taken; older ones don't say what for. */
export async function reportedOf(
  dir: string,
): Promise<{ readonly digest: RestorePoint['manifest'] | undefined; readonly rollout: string | undefined }> {
  const [digest, rollout] = ((await readIfThere(`${dir}.sha256`)) ?? '').split('\n');
  return { digest: (digest || undefined) as RestorePoint['manifest'] | undefined, rollout: rollout || undefined };
}

/** The manifest, or what is wrong with it. */
async function readManifest(
  dir: string,
  id: string,
  store: string,
  reported: string | undefined,
): Promise<Manifest | string> {
  let text: string;
  try {
    text = await readFile(join(dir, 'manifest.json'), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'manifest.json is missing' : `manifest.json can't be read (${code})`;
  }
  if (reported === undefined) return `${id}.sha256, which says what manifest.json was, is missing`;
  if (digestOfText(text) !== reported) return "manifest.json isn't what was reported when it was taken";
  const parsed = Manifest.safeParse(parseJson(text));
  if (!parsed.success) return 'manifest.json was written by another version';
  const { id: own, store: of } = parsed.data;
  return own === id && of === store ? parsed.data : `manifest.json is that of ${own} of the store ${of}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
