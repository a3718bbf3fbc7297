import { type LockHolder, lockHolders, watchingLocks as watching } from '../store/lock-holders.ts';
import { inRecords } from './records.ts';
import type { OdooStores } from './store.ts';
import { yieldToOthers } from './yield-to-others.ts';

export { holderInWords, type LockHolder } from '../store/lock-holders.ts';

/**
 * Looks every half second while `work` runs at whom this login's sessions wait for, and keeps who was seen last. They
 * themselves yield to everybody else's.
 */
export async function watchingLocks<T>(
  stores: OdooStores,
  login: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly holders: readonly LockHolder[] }> {
  const look = () =>
    inRecords(stores, async (client) => {
      await yieldToOthers(client, { login });
      return lockHolders(client, login);
    });
  return watching(look, work);
}
