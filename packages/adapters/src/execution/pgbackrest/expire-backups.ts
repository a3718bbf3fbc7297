/**
 * What goes from the repository: full backups by their number, with what was built on them and the log before them. What a rollout may
 * go back to stays, however many backups are taken since.
 */
import { takenForRollout } from '@headgate/domain';
import type { Bounds, PgBackRest, Ran } from './pgbackrest.ts';
import type { PointManifest } from './point-manifest.ts';
import type { Backup } from './repository-info.ts';

/** A full backup's label; those that are built on it begin with it. */
const FULL_LABEL = 16;
/** So many full backups nobody has. */
const ALL = '9999999';

export interface Expiry {
  /** Full backups that go by their labels: newer than what has to stay, and older than those that are kept. */
  readonly sets: readonly string[];
  /** How many full backups stay after that. */
  readonly full: number;
}

/** `needed`: the oldest backup that has to stay. The log stays from there on, since that is how pgBackRest keeps it. */
export function expiryOf(backups: readonly Pick<Backup, 'label' | 'type'>[], keep: number, needed?: string): Expiry {
  const full = backups.filter(({ type }) => type === 'full').map(({ label }) => label);
  const kept = Math.max(0, full.length - keep);
  const at = needed === undefined ? -1 : full.indexOf(needed.slice(0, FULL_LABEL));
  if (at < 0 || at >= kept) return { sets: [], full: keep };
  return { sets: full.slice(at + 1, kept), full: keep + 1 };
}

/** The oldest backup of the rollout that may go back: the one at work, else the last one. */
export function neededBackup(newestFirst: readonly PointManifest[], rollout: string): string | undefined {
  const of = takenForRollout({ rollout }) ? rollout : newestFirst.find(takenForRollout)?.rollout;
  return newestFirst.findLast((each) => of !== undefined && each.rollout === of)?.pgbackrest.label;
}

/** Has pgBackRest remove it. */
export async function expireBackups(own: PgBackRest, { sets, full }: Expiry, bounds: Bounds): Promise<Ran> {
  for (const label of sets) {
    const ran = await own.run(['expire', `--set=${label}`, `--repo1-retention-full=${ALL}`], bounds);
    if (!ran.ok) return ran;
  }
  return own.run(['expire', `--repo1-retention-full=${full}`], bounds);
}
