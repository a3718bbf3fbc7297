import { type Answer, denied, granted } from '@headgate/execution';
import { sameBackup } from './opened-point.ts';
import type { Bounds, PgBackRest } from './pgbackrest.ts';
import type { PointManifest } from './point-manifest.ts';
import { problemsOf } from './read-verify.ts';
import { failedAs } from './take-backup.ts';

/** Whether all of it can be read and is whole, too. */
export async function wholeBackup(own: PgBackRest, point: PointManifest, bounds: Bounds): Promise<Answer<unknown>> {
  const same = await sameBackup(own, point, bounds);
  if (!same.ok) return same;
  const read = await own.run(['verify', '--output=text', '--verbose'], bounds);
  if (!read.ok) return failedAs(read);
  const { label, firstWal, lastWal } = point.pgbackrest;
  const problems = problemsOf(read.output, {
    labels: [label, ...(same.value.backup.reference ?? [])],
    firstWal,
    lastWal,
  });
  if (problems.length === 0) return granted(undefined);
  return denied('check-failed', `${problems.join('; ')} (restore point ${point.id} in ${own.name})`);
}
