import { numberText, segmentNumber } from './wal-place.ts';

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

/** Names of the segments from one to another, both included, on the first one's timeline. */
export function segmentsBetween(first: string, last: string): string[] {
  const [from, to] = [segmentNumber(first), segmentNumber(last)];
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => first.slice(0, 8) + numberText(from + i));
}
