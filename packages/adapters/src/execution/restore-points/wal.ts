import { mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises';
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

/** Beside the restore points: the last segment of each timeline that lies in the vault. */
const SHIPPED = 'wal-shipped';

/** Writes down the last segment of each timeline that lies in the vault, with all of that timeline before it. */
export async function noteShipped(restorePointsDir: string, last: readonly string[]): Promise<void> {
  const path = join(restorePointsDir, SHIPPED);
  const text = last.map((name) => `${name}\n`).join('');
  if ((await readIfThere(path)) === text) return;
  await mkdir(restorePointsDir, { recursive: true, mode: 0o700 });
  await writeDurably(path, text, 0o600);
}

/** Whether a segment lies in the vault, as was written down: each timeline has numbers of its own. */
export async function shippedAlready(restorePointsDir: string): Promise<(segment: string) => boolean> {
  const names = ((await readIfThere(join(restorePointsDir, SHIPPED))) ?? '').split('\n').filter((n) => SEGMENT.test(n));
  return (segment) => names.some((last) => last.slice(0, 8) === segment.slice(0, 8) && segment.slice(0, 24) <= last);
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
    if (HISTORY.test(name) && !there.has(name)) {
      const { mtime } = await stat(join(wal, name));
      await writeDurably(join(archiveDir, name), await readFile(join(wal, name)), 0o600);
      // When it began, which is when the store was brought back.
      await utimes(join(archiveDir, name), mtime, mtime);
    }
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
