import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '../../machine/durable-file.ts';
import type { BackedStore } from './backed-store.ts';

const SEGMENT = /^[0-9A-F]{24}$/;
const HISTORY = /^[0-9A-F]{8}\.history$/;

/** Archived segments from one on (of every timeline), and the timelines' histories. */
export async function archivedFrom(
  archiveDir: string,
  first: string,
): Promise<{ segments: string[]; histories: string[] }> {
  const names = await readdir(archiveDir);
  return {
    segments: names.filter((name) => SEGMENT.test(name) && name.slice(8) >= first.slice(8)).sort(),
    histories: names.filter((name) => HISTORY.test(name)).sort(),
  };
}

/** Beside the restore points: the last segment that lies in the vault. */
const SHIPPED = 'wal-shipped';

/** Writes down that all of the log up to this segment lies in the vault. */
export async function noteShipped(restorePointsDir: string, last: string): Promise<void> {
  const path = join(restorePointsDir, SHIPPED);
  if ((await readIfThere(path)) === `${last}\n`) return;
  await mkdir(restorePointsDir, { recursive: true, mode: 0o700 });
  await writeDurably(path, `${last}\n`, 0o600);
}

/** What was written down so; `undefined`: nothing yet. */
export async function shippedUpTo(restorePointsDir: string): Promise<string | undefined> {
  const text = (await readIfThere(join(restorePointsDir, SHIPPED)))?.trim();
  return text !== undefined && SEGMENT.test(text) ? text : undefined;
}

/** Archived segments that lie before one: no kept restore point needs them. */
export async function archivedBefore(archiveDir: string, first: string): Promise<string[]> {
  return (await readdir(archiveDir)).filter((name) => /^[0-9A-F]{24}/.test(name) && name.slice(8, 24) < first.slice(8));
}

/**
 * Brings histories of timelines into the archive that PostgreSQL itself never archives: a store that was brought back began its
 * timeline aside, where nothing is archived. Without them nobody could follow the log from a restore point before that.
 */
export async function archiveHistories({
  cluster,
  archiveDir,
}: Pick<BackedStore, 'cluster' | 'archiveDir'>): Promise<void> {
  const wal = join(cluster.data, 'pg_wal');
  const there = new Set(await readdir(archiveDir));
  for (const name of await readdir(wal))
    if (HISTORY.test(name) && !there.has(name))
      await writeDurably(join(archiveDir, name), await readFile(join(wal, name)), 0o600);
}

/** Waits until the archive holds these segments. False when it doesn't in time. */
export async function archived(archiveDir: string, segments: readonly string[], deadlineMs: number): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  for (const segment of segments) {
    while (!(await stat(join(archiveDir, segment)).catch(() => undefined))) {
      if (performance.now() >= until) return false;
      await new Promise((done) => setTimeout(done, 25));
    }
  }
  return true;
}
