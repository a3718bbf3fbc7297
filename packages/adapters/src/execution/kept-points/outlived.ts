import { isLastingPoint, takenForRollout } from '@headgate/domain';

/**
 * Which of a store's restore points go when so many are kept, newest first in and out. The rollout that a restore point was
 * taken for last may be at work, and its way back may lead over each schema version that it began from: of each the newest one
 * stays, however many were taken since (a step that waits for a vault takes a new one now and then, and so does a schedule).
 * What a program's way back took away is nobody's to remove but a person's, and takes nobody's place.
 */
export function outlived<P extends { readonly rollout: string; readonly schemaVersion: number }>(
  all: readonly P[],
  keep: number,
): readonly P[] {
  const newestFirst = all.filter((point) => !isLastingPoint(point));
  const atWork = newestFirst.find(takenForRollout)?.rollout;
  const versions = new Set<number>();
  return newestFirst.filter(({ rollout, schemaVersion }, i) => {
    const needed = rollout === atWork && !versions.has(schemaVersion);
    if (needed) versions.add(schemaVersion);
    return i >= Math.max(1, keep) && !needed;
  });
}
