/** Who lives in which slot, by the operating system: looked at again and again, whatever pid files say. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';

const LOOK_EVERY_MS = 150;

/** Folders in which at most one process may work: each component's in each slot, and the router's. */
export function soleFolders(cells: readonly CellConfig[]): readonly string[] {
  return cells.flatMap(({ dir, slots }) => [
    join(dir, 'router', 'run', 'router'),
    ...Object.entries(slots).flatMap(([slot, components]) =>
      Object.keys(components).map((component) => join(dir, 'slots', slot, 'run', component)),
    ),
  ]);
}

/** Folders of these in which more than one process works at this moment. */
export function crowded(folders: readonly string[]): readonly string[] {
  const counts = new Map(folders.flatMap((folder) => realPathOf(folder) ?? []).map((folder) => [folder, 0]));
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const folder = workingFolder(pid);
    const count = folder === undefined ? undefined : counts.get(folder);
    if (folder !== undefined && count !== undefined) counts.set(folder, count + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([folder, count]) => `${count} processes in ${folder}`);
}

/** A slot that is cleared at this moment has none. */
function realPathOf(folder: string): string | undefined {
  try {
    return realpathSync(folder);
  } catch {
    return undefined;
  }
}

function workingFolder(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined; // gone meanwhile
  }
}

/** Looks until `signal` is aborted, and says what it saw too many of. */
export async function watchProcesses(cells: readonly CellConfig[], signal: AbortSignal): Promise<readonly string[]> {
  const folders = soleFolders(cells);
  const seen = new Set<string>();
  while (!signal.aborted) {
    for (const finding of crowded(folders)) seen.add(finding);
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return [...seen];
}

/** Files of every slot that holds a release, hashed again here against the manifest, and the manifest against the release. */
export function slotFindings(cells: readonly CellConfig[]): readonly string[] {
  return cells.flatMap(({ cell, dir, slots }) =>
    Object.keys(slots).flatMap((slot) => {
      const folder = join(dir, 'slots', slot);
      const record = join(folder, 'release.json');
      if (!existsSync(record)) return [];
      const { phase, release } = JSON.parse(readFileSync(record, 'utf8')) as {
        phase: string;
        release: { digest: string; version: string };
      };
      const where = `${cell} ${slot} (${release.version})`;
      const manifest = readFileSync(join(folder, 'manifest.json'));
      if (digest(manifest) !== release.digest) return [`${where}: its manifest is not the release's`];
      const { components } = JSON.parse(manifest.toString('utf8')) as {
        components: { name: string; files: { name: string; digest: string }[] }[];
      };
      const wrong = components.flatMap(({ name, files }) =>
        files
          .filter((file) => digest(readFileSync(join(folder, 'files', name, file.name))) !== file.digest)
          .map((file) => `${where}: ${name}/${file.name} has other bytes than the release`),
      );
      return phase === 'running' ? wrong : [...wrong, `${where} was left ${phase}`];
    }),
  );
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
