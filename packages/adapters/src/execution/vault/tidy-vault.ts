import type { PointIdentity, Trust } from '@headgate/documents';
import { decideRetention, isLastingPoint, type RetentionRule, takenForRollout } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { pointPrefix, SEALED, storePrefix } from './vault-keys.ts';
import { listVault } from './vaulted-points.ts';
import { tidyWal } from './wal/tidy-wal.ts';
import { readReach } from './wal/vaulted-wal.ts';

/** What was begun and not sealed for so long is left behind: sealing takes hours at most. Milliseconds. */
export const LEFT_AFTER_MS = 24 * 3_600_000;

export interface Tidied {
  /** Restore points that no rule keeps. */
  readonly removed: readonly string[];
  /** Restore points that were begun and never sealed. */
  readonly swept: readonly string[];
  /** Pieces of the write-ahead log that no restore point goes on with. */
  readonly wal: number;
  /** Objects that never came to their end. */
  readonly uploads: number;
}

/** Removes from a vault what no rule keeps of a store, and what was left half way. */
export async function tidyVault(
  store: ObjectStore,
  of: Omit<PointIdentity, 'id'>,
  trust: Pick<Trust, 'signers'>,
  rule: RetentionRule,
  needed: ReadonlySet<string>,
  now: number,
  signal: AbortSignal,
): Promise<Tidied> {
  const { points, unfinished } = await listVault(store, of, trust, signal);
  // A restore point by schedule may be taken while a rollout is open: what that took last stays, too. Its own needs none.
  const last = points.find((point) => point.readable && takenForRollout(point))?.rollout;
  const rollouts = [...needed, last].filter((rollout) => rollout !== undefined && takenForRollout({ rollout }));
  const { remove } = decideRetention(points, rule, new Set(rollouts as string[]), now);
  for (const { id } of remove) await removeSealed(store, pointPrefix({ ...of, id }), signal);
  const left = unfinished.filter(({ changedAt }) => changedAt < now - LEFT_AFTER_MS);
  for (const { id } of left) await removeSealed(store, pointPrefix({ ...of, id }), signal);
  const removed = new Set(remove.map(({ id }) => id));
  // Nothing goes on from one that lasts until a person lets it go: no log is kept for it.
  const kept = points.filter((point) => !removed.has(point.id) && !isLastingPoint(point));
  // Where one can't be read, nobody knows from where on its log is needed.
  const sealed = kept.flatMap((point) => (point.sealed === undefined ? [] : [point.sealed]));
  const reach = await readReach(store, of, trust, signal);
  const current = reach.ok ? reach.value?.systemIdentifier : undefined;
  const wal = sealed.length < kept.length ? 0 : await tidyWal(store, of, sealed, current, signal);
  const uploads = await store.sweep(storePrefix(of), now - LEFT_AFTER_MS, signal);
  return { removed: remove.map(({ id }) => id), swept: left.map(({ id }) => id), wal, uploads };
}

/** The manifest first: what is half removed doesn't exist any more. */
export async function removeSealed(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<void> {
  await store.delete(`${prefix}${SEALED}`, signal);
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, signal)) keys.push(key);
  for (const key of keys) await store.delete(key, signal);
}
