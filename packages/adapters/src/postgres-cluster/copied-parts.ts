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
