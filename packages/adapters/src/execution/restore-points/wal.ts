import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const SEGMENT = /^[0-9A-F]{24}$/;
const HISTORY = /^[0-9A-F]{8}\.history$/;

/** What of a cluster's folder doesn't belong into a copy: what belongs to the running server alone, or is made anew. */
export function leftOut(path: string): boolean {
  const parts = path.split('/');
  const [top] = parts;
  if (parts.length === 2 && EMPTIED.has(top!)) return true;
  if (parts.length === 1 && OWN.has(top!)) return true;
  const name = parts.at(-1)!;
  return name.startsWith('pgsql_tmp') || name.startsWith('pg_internal.init');
}

/** Folders that are copied without what is in them. */
const EMPTIED = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const OWN = new Set([
  'postmaster.pid',
  'postmaster.opts',
  'backup_label',
  'tablespace_map',
  'recovery.signal',
  'standby.signal',
  'backup_manifest',
]);

/** Names of the 16 MiB segments from one to another, both included, on the first one's timeline. */
export function segmentsBetween(first: string, last: string): string[] {
  const number = (name: string) => Number.parseInt(name.slice(8, 16), 16) * 256 + Number.parseInt(name.slice(16), 16);
  const names: string[] = [];
  for (let n = number(first); n <= number(last); n++) {
    const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
    names.push(first.slice(0, 8) + hex(Math.floor(n / 256)) + hex(n % 256));
  }
  return names;
}

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

/** Archived segments that lie before one: no kept restore point needs them. */
export async function archivedBefore(archiveDir: string, first: string): Promise<string[]> {
  return (await readdir(archiveDir)).filter((name) => /^[0-9A-F]{24}/.test(name) && name.slice(8, 24) < first.slice(8));
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
