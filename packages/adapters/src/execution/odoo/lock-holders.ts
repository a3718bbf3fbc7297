import { type LockHolder, lockHolders, watchingLocks as watching } from '../store/lock-holders.ts';
import { inRecords } from './records.ts';
import type { OdooStores } from './store.ts';

export { holderInWords, type LockHolder } from '../store/lock-holders.ts';

/** Looks every half second while `work` runs at whom this login's sessions wait for, and keeps who was seen last. */
export async function watchingLocks<T>(
  stores: OdooStores,
  login: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly holders: readonly LockHolder[] }> {
  return watching(() => inRecords(stores, (client) => lockHolders(client, login)), work);
}
