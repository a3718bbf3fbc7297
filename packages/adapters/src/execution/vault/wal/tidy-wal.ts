import type { SealedPoint, WalIdentity } from '@headgate/documents';
import type { ObjectStore } from '@headgate/execution';
import { segmentNumber, segmentOfLsn } from '../../../postgres-cluster/wal-place.ts';
import { walPrefix } from './wal-keys.ts';

/**
 * Removes the pieces of a store's log that no kept restore point goes on with. `kept`: all that lie there, each of them
 * readable; where one isn't, nobody may call this, since it isn't known where that one begins. The cluster that is shipped
 * now (`current`, if it is known) keeps its log from its oldest restore point on, or all of it before there is one.
 */
export async function tidyWal(
  store: ObjectStore,
  of: WalIdentity,
  kept: readonly Pick<SealedPoint, 'database'>[],
  current: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  const first = new Map<string, number>();
  for (const { database } of kept) {
    const { systemIdentifier: system, lsn } = database;
    if (system === undefined || lsn === undefined) continue;
    first.set(system, Math.min(first.get(system) ?? Number.POSITIVE_INFINITY, segmentOfLsn(lsn.start)));
  }
  const prefix = walPrefix(of);
  const gone: string[] = [];
  for await (const { key } of store.list(prefix, signal)) {
    const [system, name, ...deeper] = key.slice(prefix.length).split('/');
    if (system === undefined || name === undefined || deeper.length > 0) continue;
    const from = first.get(system);
    if (from === undefined ? current !== undefined && system !== current : isBefore(name, from)) gone.push(key);
  }
  // A statement before its piece: what is half removed isn't there any more.
  gone.sort((a, b) => Number(a.endsWith('.age')) - Number(b.endsWith('.age')));
  for (const key of gone) await store.delete(key, signal);
  return gone.filter((key) => key.endsWith('.json')).length;
}

/** Histories of timelines are small, and stay as long as anything of the cluster does. */
function isBefore(name: string, from: number): boolean {
  return /^[0-9A-F]{24}\./.test(name) && segmentNumber(name) < from;
}
