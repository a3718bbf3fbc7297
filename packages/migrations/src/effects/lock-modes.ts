/** PostgreSQL's lock modes of tables, from the weakest to the strongest, as its documentation names them. */
export const LOCK_MODES = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;

export type LockMode = (typeof LOCK_MODES)[number];

/** Whoever writes waits for it (it conflicts with ROW EXCLUSIVE). */
export function blocksWrites(mode: LockMode): boolean {
  return LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf('SHARE');
}

/** Whoever reads waits for it, too (it conflicts with ACCESS SHARE). */
export function blocksReads(mode: LockMode): boolean {
  return mode === 'ACCESS EXCLUSIVE';
}

/** The stronger one of two. */
export function stronger(one: LockMode, other: LockMode | undefined): LockMode {
  return other === undefined || LOCK_MODES.indexOf(one) >= LOCK_MODES.indexOf(other) ? one : other;
}

/** What people feel of it. */
export function whoWaits(mode: LockMode): string {
  if (blocksReads(mode)) return 'nobody reads or writes it';
  return blocksWrites(mode) ? 'nobody writes it' : 'reads and writes go on';
}
